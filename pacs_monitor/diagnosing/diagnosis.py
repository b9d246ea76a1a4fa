"""What a diagnosis is made of: a target, steps, what they showed, and a verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pacs_monitor.certificate_facts import Facts
from pacs_monitor.certificates import TlsFailed, Trouble
from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.node import Tls, UserIdentity

State = Literal["ok", "failed", "skipped"]
Side = Literal["nobody", "ours", "the network", "the node's configuration", "the node's service", "DNS"]

STEP_NAMES = {"dimse": "C-ECHO"}
"""What the steps are called that are not called as their phase is."""


@dataclass(frozen=True)
class Target:
    """Whom to look at, and as whom."""

    host: str
    port: int
    called: str
    calling: str = "PACSMON"
    tls: Tls | None = None
    timeout: float = 10.0
    """Seconds for all of it."""
    user: UserIdentity | None = None
    """Our user identity, if it wants one."""

    @property
    def place(self) -> str:
        """host:port, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def server_name(self) -> str:
        """The name that its certificate must carry."""
        return (self.tls.server_name if self.tls else None) or self.host


@dataclass(frozen=True)
class Step:
    """One step of the walk."""

    name: str
    """dns, connect, tls, associate, context, C-ECHO, release, look closer, C-FIND, C-STORE or clean up."""
    state: State
    seconds: float | None
    detail: str
    alone: bool = False
    """Whether of a second association, which asks for Verification alone."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "step": self.name,
            "state": self.state,
            "seconds": self.seconds,
            "detail": self.detail,
            "alone": self.alone,
        }


@dataclass(frozen=True)
class Verdict:
    """What is wrong, on whose side, what may be the cause (the likeliest first) and what to try."""

    ok: bool
    """Whether the node answers C-ECHO; it may still have a fault then, on the `side` that is not nobody's."""
    what: str
    side: Side
    causes: tuple[str, ...]
    tries: tuple[str, ...]
    vendor: str
    """One line with time, addresses, AE titles and codes, to be sent to the vendor."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"verdict": asdict(self)}


@dataclass
class Evidence:
    """What the walk showed."""

    target: Target
    phase: str = "connect"
    """The one in which it broke, else the last one; `context` if Verification was refused."""
    failure: CheckFailed | None = None
    goodbye: CheckFailed | None = None
    """What went wrong after the C-ECHO was answered."""
    outcome: Outcome | None = None
    local: str = ""
    """Our own address:port, once a connection stood."""
    remote: str = ""
    dead: list[str] = field(default_factory=list)
    """Addresses to which no connection was possible."""
    passed: set[str] = field(default_factory=set)
    """Phases of the last association that came to their end."""
    speaks_tls: bool = False
    speaks_plain: bool = False
    certificate: Facts | None = None
    """The node's, if it was not accepted."""
    ours: Facts | None = None
    """Our own certificate, if one was given."""
    too_long: CheckFailed | None = None
    """How it refused the long association request, if it took the short one."""
    answers_to: str = ""
    """Its AE title in another spelling, if it answers to that."""
    knows_us: bool = False
    """Whether it takes our AE title then."""
    knows_us_as: str = ""
    """Our AE title in another spelling, if it takes that."""
    other_port: int = 0
    """Another port of the machine that speaks DICOM."""
    other_port_takes_us: bool = False
    no_find: CheckFailed | None = None
    """Why it refuses a C-FIND, if it answers a C-ECHO."""
    no_store: CheckFailed | None = None
    """Why it refuses a C-STORE that was asked for."""

    @property
    def trouble(self) -> Trouble | None:
        """What is in the way of TLS, if that is what failed."""
        return self.failure.trouble if isinstance(self.failure, TlsFailed) else None

    def take(self, outcome: Outcome) -> None:
        """Note how an association ended."""
        failure, self.goodbye = outcome.failure, None
        if outcome.status == 0:
            failure, self.goodbye = None, failure  # it does what was asked; how it parts is a remark
        self.outcome, self.failure, self.phase = outcome, failure, broken_phase(outcome)


def broken_phase(outcome: Outcome) -> str:
    """The phase in which an association broke; the last one if it did not."""
    reason = outcome.failure.reason if outcome.failure else ""
    # After a refusal it goes on to the release; and TLS 1.3 tells of our certificate after its handshake.
    return {"dimse_status": "dimse", "no_context": "context", "tls": "tls"}.get(reason, outcome.phase)


def show_address(address: Any) -> str:
    """address:port of a socket address."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
