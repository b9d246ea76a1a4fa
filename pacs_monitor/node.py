"""What is known of a node: a peer on the network, as the configuration describes it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pacs_monitor.units import (
    AeTitle,
    Count,
    Duration,
    FilePath,
    Host,
    Name,
    PlainText,
    Port,
    Secret,
    check_not_too_long,
)

Importance = Literal["critical", "normal", "low"]


class Tls(BaseModel):
    """How to speak TLS to a node. The peer's certificate is verified unless `verify` is turned off."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    ca_file: FilePath | None = None
    """Certificates to trust instead of the system's (PEM)."""
    cert_file: FilePath | None = None
    """Our certificate, with its chain, if the node asks for one (PEM)."""
    key_file: FilePath | None = None
    """The private key of `cert_file` (PEM); left out if that file holds it."""
    server_name: PlainText | None = None
    """The name that the node's certificate must carry, if it is not the host."""
    verify: bool = True
    """Whether to verify the node's certificate."""


class UserIdentity(BaseModel):
    """The user identity that goes with our association requests (PS3.7 D.3.3.7)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    username: PlainText
    """The user's name."""
    password: Secret | None = None
    """The passcode, as ${VARIABLE}; better: password_file."""
    password_file: FilePath | None = None
    """A file that holds the passcode; a last line break is dropped."""


class Node(BaseModel):
    """A DICOM or network peer. Everything about it that a check or a page may want to know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Name
    """The name that series, alerts and pages carry."""
    host: Host | None = None
    """Name or address."""
    port: Port | None = None
    """The DICOM port."""
    ae_title: AeTitle | None = None
    """The node's own (called) AE title."""
    calling_ae_title: AeTitle = "PACSMON"
    """The AE title we call with, if not the agent's."""
    role: Name = "node"
    """What the node is: archive, modality, router ...; the name of its first profile unless set."""
    importance: Importance = "normal"
    """critical, normal or low: shipped rules take the severity from it."""
    labels: dict[str, PlainText] = Field(default_factory=dict)
    """More labels; `metrics.labels` lists which of them go on series."""
    notes: PlainText = ""
    """Whom to call, where it stands: shown with its alerts."""
    tls: Tls | None = None
    """TLS for its DICOM port."""
    user_identity: UserIdentity | None = None
    """User identity for its associations."""
    hours: Name | None = None
    """The hours in which it is expected to work; outside, alerts are suppressed."""
    reached_through: tuple[Name, ...] = ()
    """Network parents: its alerts are suppressed while all of them fail."""
    sends_to: tuple[Name, ...] = ()
    """Where its images go: says who is affected."""
    max_associations: Count = 1
    """How many associations of ours its listener may see at once; the same for all nodes of one host and port."""
    min_interval: Duration | None = None
    """No check of this node runs more often; modalities have 30s unless this is set."""

    @field_validator("min_interval")
    @classmethod
    def _not_too_long(cls, seconds: float | None) -> float | None:
        return None if seconds is None else check_not_too_long(seconds)


def listener_of(node: Node) -> tuple[str, int]:
    """What a budget of associations belongs to: host and port, however the host is written."""
    return str(node.host).lower(), int(node.port or 0)


def host_of(address: tuple[object, ...]) -> str:
    """The host of a socket address as text, with the interface that a link-local one needs."""
    host = str(address[0])
    return f"{host}%{address[3]}" if len(address) == 4 and address[3] else host
