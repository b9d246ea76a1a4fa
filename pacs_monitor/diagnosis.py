"""What a diagnosis is made of: a target, steps, what they showed, and a verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.node import Tls
from pacs_monitor.units import Host

State = Literal["ok", "failed", "skipped"]
Side = Literal["nobody", "ours", "the network", "the node's configuration", "the node's service", "DNS"]

PHASE_NAMES = {"connect": "connect", "tls": "tls", "associate": "associate", "dimse": "C-ECHO", "release": "release"}
"""What the steps are called in which a phase may fail."""


@dataclass(frozen=True)
class Target:
    """Whom to look at, and as whom."""

    host: str
    port: int
    called: str
    calling: str = "PACSMON"
    tls: Tls | None = None
    timeout: float = 10.0
    """Seconds for the walk; a closer look at what broke takes a few more."""

    @property
    def place(self) -> str:
        """host:port, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Step:
    """One step of the walk."""

    name: str
    """dns, connect, tls, associate, context, C-ECHO, release or look closer."""
    state: State
    seconds: float | None
    detail: str

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"step": self.name, "state": self.state, "seconds": self.seconds, "detail": self.detail}


@dataclass(frozen=True)
class Verdict:
    """What is wrong, on whose side, what may be the cause (the likeliest first) and what to try."""

    ok: bool
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
    """The last one that was reached."""
    failure: CheckFailed | None = None
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
    too_long: CheckFailed | None = None
    """How it refused the long association request, if it took the short one."""


def show_address(address: Any) -> str:
    """address:port of a socket address."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_target(text: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[IPv6 address]:port`. Raises ValueError with the remedy."""
    host, colon, digits = text.strip().rpartition(":")
    if not colon or not host or digits.endswith("]"):
        raise ValueError(f"{text} has no port; write HOST:PORT, for example 10.0.0.5:104")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text} is an IPv6 address without brackets; write [{host}]:{digits}")
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits) <= 65535):
        raise ValueError(f"{digits or 'nothing'} is not a TCP port (1 to 65535); write HOST:PORT")
    try:
        return TypeAdapter(Host).validate_python(host), int(digits)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
