"""Bodies of requests as typed settings, and their complaints in one sentence."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from pacs_monitor.web.alertmanager.answers import Refused, parsed, read_json
from pacs_monitor.web.alertmanager.postable import whole

B = TypeVar("B", bound="Body")
LONGEST_TEXT = 1000
Text = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(whole)]


class Body(BaseModel):
    """What is asked for; an unknown field is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


async def read_body(request: Request, form: type[B]) -> B:
    """What a request asks for. Raises Refused."""
    raw = parsed(await read_json(request, "request"), "request")
    try:
        return form.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Refused(400, f"{place or 'the body'}: {first['msg']}") from None
