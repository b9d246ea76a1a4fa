from __future__ import annotations

import datetime
import enum
import ipaddress
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AnyUrl, BaseModel, Field, SecretStr, ValidationError, create_model
from pydantic_core import ErrorDetails, PydanticCustomError, core_schema

from pacs_monitor.configuring.complaints import validate
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.sentences import sentence
from pacs_monitor.configuring.tree import Map
from pacs_monitor.units import Port


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    x: int = 0


def said(annotation: Any, value: Any) -> str:
    model: type[BaseModel] = create_model("M", x=(annotation, ...))
    with pytest.raises(ValidationError) as error:
        model.model_validate({"x": value})
    return sentence(error.value.errors()[0], model.model_fields["x"])


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, "few", "few is not a whole number; write for example 3"),
        (int, "2.5", "2.5 is not a whole number; write for example 3"),
        (int, ["a"], "is a list or a mapping where one value belongs; write one"),
        (float, "x", "x is not a number; write for example 2.5"),
        (bool, "perhaps", "perhaps is neither true nor false; write one of them"),
        (str, ["a"], "is a list or a mapping where one value belongs; write one"),
        (tuple[str, ...], "a", "is not a list; write [a, b], or begin each entry with '- ' on a line of its own"),
        (dict[str, str], "a", "is not a mapping; write `name: value` lines below it"),
        (Inner, "a", "is not a mapping; write `name: value` lines below it"),
        (Colour, "rde", "rde is none of red, blue; did you mean red?"),
        (Annotated[int, Field(gt=5)], "5", "5 is too small; write more than 5"),
        (Annotated[int, Field(ge=5)], "4", "4 is too small; write 5 or more"),
        (Annotated[int, Field(lt=5)], "5", "5 is too large; write less than 5"),
        (Annotated[int, Field(le=5)], "6", "6 is too large; write 5 or less"),
        (Annotated[int, Field(multiple_of=5)], "6", "6 is not a multiple of 5; write one"),
        (Annotated[float, Field(allow_inf_nan=False)], "nan", "nan is not a number; write for example 2.5"),
        (Annotated[str, Field(max_length=2)], "abc", "abc is too long; write at most 2 characters"),
        (Annotated[str, Field(min_length=2)], "a", "a is too short; write at least 2 characters"),
        (Annotated[str, Field(pattern="^a")], "b", "b does not match ^a"),
        (Annotated[tuple[str, ...], Field(min_length=2)], ["a"], "has 1 entries; write at least 2"),
        (Annotated[tuple[str, ...], Field(max_length=1)], ["a", "b"], "has more than 1 entries; take some away"),
        (datetime.date, "soon", "soon is not a date; write it as 2026-12-31"),
        (datetime.datetime, "soon", "soon is not a date and time; write it as 2026-12-31T20:00:00+02:00"),
        (AnyUrl, "x", "x is not a URL; write for example http://10.0.0.5:8042"),
        (ipaddress.IPv4Address, "x", "x is not an IP address; write for example 10.0.0.5"),
        (Path, ["a"], "is a list or a mapping where one value belongs; write one"),
        (Port, None, "is empty; write for example 4242"),
        (int, "", "is empty; give it a value"),
    ],
)
def test_each_kind_of_error_is_a_sentence_with_a_remedy(annotation: Any, value: Any, expected: str) -> None:
    assert said(annotation, value) == expected


@pytest.mark.parametrize("kind", sorted(core_schema.ErrorType.__args__))  # type: ignore[attr-defined]
def test_no_error_of_pydantics_is_told_in_its_own_words(kind: str) -> None:
    context = dict.fromkeys(("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "actual_length"), 1)
    error = ErrorDetails(type=kind, loc=("x",), msg="Input should be pydantic's own words", input="v", ctx=context)
    assert "pydantic" not in sentence(error, None)


def test_a_long_value_is_shortened_and_control_characters_are_made_visible() -> None:
    assert said(int, "x" * 100).startswith("x" * 57 + "... is not")
    assert said(int, "a\x1bb") == "a\\x1bb is not a whole number; write for example 3"


def test_a_secret_is_never_shown() -> None:
    error = ErrorDetails(type="int_parsing", loc=("x",), msg="", input="hunter2")
    assert sentence(error, None, secret=True) == "the secret is not a whole number; write for example 3"
    error = ErrorDetails(type="value_error", loc=("x",), msg="", input="hunter2", ctx={"error": ValueError("hunter2")})
    assert sentence(error, None, secret=True) == "is not accepted; check the secret"


def test_what_the_author_of_a_check_raises_is_told_in_his_words() -> None:
    error = ErrorDetails(
        type=PydanticCustomError("my_own", "Write {x}", {"x": 1}).type, loc=("x",), msg="is odd; write 2", input="1"
    )
    assert sentence(error, None) == "is odd; write 2"


def test_an_error_below_a_secret_is_hidden_by_its_field() -> None:
    model = create_model("M", x=(Annotated[SecretStr, Field(min_length=8)], ...))
    findings = Findings()
    assert validate(model, {"x": "hunter"}, Map("f.yml", 1, "", {}), findings) is None
    assert "hunter" not in str(findings.complaints[0])
