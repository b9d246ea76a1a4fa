"""HTTP: does a page of a viewer, a RIS or an interface engine answer as it should, how soon, and for how long still?"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pacs_monitor.certificates import TlsFailed, context_for
from pacs_monitor.check import (
    Check,
    CheckFailed,
    Count,
    Duration,
    FilePath,
    Gauge,
    PlainText,
    Sample,
    Secret,
    Size,
    Tls,
    Unit,
    Url,
)
from pacs_monitor.expiry import CHAIN, EXPIRY, samples, validities
from pacs_monitor.http.conditions import BodyPattern, Condition, document_of, json_condition, search
from pacs_monitor.http.headers import Header, check_headers
from pacs_monitor.http.pages import Page, Redirects, next_page, page_of
from pacs_monitor.http.statuses import refusal

if TYPE_CHECKING:
    from pacs_monitor.http.exchange import Answer

PHASE = Gauge(
    "pacs_http_phase_seconds",
    "Time of each phase: dns, connect, tls, first_byte, transfer; with redirects, of all requests together.",
    ("phase",),
)
STATUS = Gauge("pacs_http_status_code", "The status of the answer.")
SIZE = Gauge("pacs_http_content_bytes", "Size of its content.")
SHARED = (EXPIRY, CHAIN)

MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


def _fits_into_memory(size: int) -> int:
    if not 1 <= size <= 16_000_000:
        raise ValueError("is not between 1 and 16MB; write for example 1MB")
    return size


StatusCode = Annotated[int, Field(ge=100, le=599), Unit("status", example="200")]
MostBytes = Annotated[Size, AfterValidator(_fits_into_memory)]


@dataclass
class _Seen:
    """What a run has come to know."""

    phases: dict[str, float] = field(default_factory=dict)
    chain: tuple[bytes, ...] = ()
    answer: Answer | None = None
    who: str = ""

    def samples(self) -> Iterator[Sample]:
        for phase, seconds in self.phases.items():
            yield PHASE(seconds, phase=phase)
        yield from samples(validities(self.chain, self.who)) if self.chain else ()
        if self.answer is not None:
            yield STATUS(self.answer.status)
            yield SIZE(len(self.answer.content))


class Http(Check):
    """Ask for a page; compare its status and content, never quote it, time each phase, see when certificates expire."""

    url: Url
    """The page. {host} stands for the node's host, so that a profile can have one address for many nodes."""
    method: Literal["GET", "HEAD", "POST"] = "GET"
    """How it is asked for."""
    body: Annotated[str, Field(max_length=65536, repr=False)] = ""
    """What is posted; its kind is told by a header Content-Type."""
    headers: Annotated[dict[PlainText, Header], AfterValidator(check_headers)] = Field(default_factory=dict, repr=False)
    """More headers, each with its value; one that is secret as ${VARIABLE}."""
    username: PlainText = ""
    """For basic authentication."""
    password: Secret | None = None
    """Its password, as ${VARIABLE}; better: password_file."""
    password_file: FilePath | None = None
    """A file that holds the password."""
    bearer_token: Secret | None = None
    """A token instead, as ${VARIABLE}; better: bearer_token_file."""
    bearer_token_file: FilePath | None = None
    """A file that holds the token."""
    tls: Tls = Tls()
    """How the server's certificate is verified, and what we show it."""
    status: Annotated[tuple[StatusCode, ...], BeforeValidator(_as_list), Field(min_length=1)] = (200,)
    """One of these statuses must come."""
    expect: BodyPattern | None = None
    """What must be found in the content, such as "Sign in"; (?i) before it ignores capitals."""
    expect_json: Annotated[tuple[Condition, ...], BeforeValidator(_as_list), Field(max_length=16)] = ()
    """Conditions on the content as JSON; all must hold."""
    redirects: Redirects = "refuse"
    """Whether redirects are followed: refuse, same_host or any; no other host is sent headers, body, user or token."""
    most_bytes: MostBytes = 1_000_000
    """It fails when the content is larger; 16MB at most."""
    slow: Duration | None = None
    """It fails when all phases together take longer."""
    certificate_days: Count = 30
    """Shipped rules warn so many days before the first certificate of the chain expires."""

    thresholds: ClassVar[tuple[str, ...]] = ("slow", "certificate_days")
    anywhere: ClassVar[bool] = True

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        page_of(self.url.replace("{host}", "localhost"))
        if self.method == "HEAD" and (self.expect or self.expect_json):
            raise ValueError("HEAD brings no content to look at; take expect and expect_json out, or set method: GET")
        if self.body and self.method != "POST":
            raise ValueError(f"body is not sent with {self.method}; set method: POST")
        token = bool(self.bearer_token or self.bearer_token_file)
        if token and self.username:
            raise ValueError("a user and a token at once; take username or bearer_token_file out")
        if (self.password or self.password_file) and not self.username:
            raise ValueError("a password without a user; set username")
        if (token or self.username) and any(name.lower() == "authorization" for name in self.headers):
            raise ValueError("headers hold Authorization beside a user or token; keep one of the two")
        return self

    async def run(self) -> AsyncIterator[Sample]:
        """Raise CheckFailed if there is no answer, or another one than expected; what was measured is kept."""
        seen, failure = _Seen(), None
        try:
            await self._visit(seen)
            await self._compare(seen)
        except CheckFailed as error:
            failure = error
        for sample in await self.in_thread(lambda: list(seen.samples())):
            yield sample
        if failure is not None:
            raise failure
        self._require_fast(seen)

    async def _visit(self, seen: _Seen) -> None:
        first, method = self._first(), self.method
        page = first
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._ask(page, method, page.host == first.host, seen)
            if answer.status not in _REDIRECTS or self.redirects == "refuse":
                seen.answer = answer
                return
            page = next_page(page, answer.headers.get("location", ""), seen.who, self.redirects)
            # As browsers do it: what was posted is not posted again, but where the server asks for just that.
            method = "GET" if method == "POST" and answer.status in (301, 302, 303) else method
        raise CheckFailed("mismatch", f"{seen.who} redirects in a circle; correct its configuration, or url")

    def _first(self) -> Page:
        node = self.surroundings.node
        if "{host}" not in self.url:
            return page_of(self.url)
        if node is None or node.host is None:
            sentence = f"{node.name if node else self.name} has no host to stand for {{host}}; write it into url"
            raise CheckFailed("broken", sentence)
        return page_of(self.url.replace("{host}", f"[{node.host}]" if ":" in node.host else node.host))

    async def _ask(self, page: Page, method: str, trusted: bool, seen: _Seen) -> Answer:
        from pacs_monitor.http.exchange import Request, exchange
        from pacs_monitor.line import Line

        headers = self._headers(page, trusted)
        request = Request(method, page.target, headers, self.body.encode() if trusted and method == "POST" else b"")
        async with Line(self, page.host, page.port, seen.phases) as line:
            seen.who, seen.chain = line.who, ()
            if page.secure:
                # No other host is to see our certificate, nor must it carry a name that is set for the first.
                tls = self.tls if trusted else Tls(ca_file=self.tls.ca_file, verify=self.tls.verify)
                context = await self.in_thread(context_for, tls)
                try:
                    await line.secure(context, tls.server_name or page.host)
                except TlsFailed as failure:
                    raise _for_urls(failure, line.who) from None
                finally:
                    seen.chain = line.chain
            return await exchange(line, request, self.most_bytes)

    def _headers(self, page: Page, trusted: bool) -> dict[str, str]:
        headers = {
            "Host": page.authority,
            "User-Agent": "pacs-monitor",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        if not trusted:
            return headers
        if self.bearer_token is not None:
            headers["Authorization"] = f"Bearer {self.bearer_token.get_secret_value()}"
        elif self.username:
            password = self.password.get_secret_value() if self.password is not None else ""
            login = base64.b64encode(f"{self.username}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        own = {name.lower() for name in self.headers}
        return {name: value for name, value in headers.items() if name.lower() not in own} | self.headers

    async def _compare(self, seen: _Seen) -> None:
        answer = seen.answer
        assert answer is not None
        if answer.status not in self.status:
            raise self._other_status(answer.status, seen.who)
        if (self.expect or self.expect_json) and answer.headers.get("content-encoding", "identity") != "identity":
            sentence = f"{seen.who} sends its content compressed though it was asked not to; correct its configuration"
            raise CheckFailed("mismatch", sentence)
        fault = await self.in_thread(self._fault, answer) if self.expect or self.expect_json else ""
        if fault:
            raise CheckFailed("mismatch", f"{seen.who} answers with HTTP {answer.status}, and {fault}")

    def _other_status(self, status: int, who: str) -> CheckFailed:
        due = " or ".join(map(str, self.status))
        if 300 <= status < 400:
            sentence = f"{who} redirects elsewhere (HTTP {status}, {due} is due); set url to the final address"
            return CheckFailed("mismatch", f"{sentence}, or redirects: same_host")
        if status < 400:
            sentence = f"{who} answers with HTTP {status}, and {due} is due; correct url, or status if that is right"
            return CheckFailed("mismatch", sentence)
        reason, sentence = refusal(status)
        return CheckFailed(reason, f"{who} {sentence} (HTTP {status}, {due} is due)")

    def _fault(self, answer: Answer) -> str:
        """What is wrong with the content: only what was expected is told. Takes a while: for a thread."""
        if self.expect is not None and not search(self.expect)(answer.text):
            return f"its content does not match {self.expect!r}; look at the page in a browser, or correct expect"
        if not self.expect_json:
            return ""
        try:
            document = document_of(answer.content)
        except ValueError:
            return "its content is no JSON; look whether a login page or a proxy answers, or correct url"
        unmet = [text for text in self.expect_json if not json_condition(text).holds(document)]
        return f"its JSON does not meet {' and '.join(unmet)}; look at what this service depends on" if unmet else ""

    def _require_fast(self, seen: _Seen) -> None:
        seconds = sum(seen.phases.values())
        if self.slow is not None and seconds > self.slow:
            phase, longest = max(seen.phases.items(), key=lambda item: item[1])
            raise CheckFailed(
                "threshold",
                f"{seen.who} took {seconds:.3g} s to answer, {self.slow:g} s are allowed; most of it was {phase} "
                f"({longest:.3g} s): look at {_SLOW[phase]}",
            )


_SLOW = {
    "dns": "the DNS server",
    "connect": "the network in between",
    "tls": "the load of its machine",
    "first_byte": "its load and its database",
    "transfer": "the network in between, and the size of the page",
}


def _for_urls(failure: TlsFailed, who: str) -> CheckFailed:
    """The same, but with a remedy for those who set an address and not a port."""
    if failure.trouble == "not_tls":
        return CheckFailed("tls", f"no TLS with {who}: this port does not speak TLS; write http:// or another port")
    return failure
