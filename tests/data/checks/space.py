"""A check without a node, with paths, shares and secrets, for tests of the configuration."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from pacs_monitor.check import Check, FilePath, Gauge, Ratio, Sample, Secret, Size, Url

FREE = Gauge("pacs_space_free_ratio", "Share of the space that is free.", ("mount",))


class Login(BaseModel):
    """How to log in."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: Url
    """Where."""
    password: Secret | None = None
    """The password, as ${VARIABLE}; better: password_file."""
    password_file: FilePath | None = None
    """A file that holds the password."""


class Space(Check):
    """Measure the space on a disk."""

    path: FilePath
    """A path on the disk."""
    free_warning: Ratio = 0.1
    """Less is worth a warning."""
    least: Size = 0
    """Less is worth a warning too."""
    ca_file: FilePath | None = None
    """Certificates to trust."""
    login: Login | None = None
    """How to log in."""

    def run(self) -> Iterator[Sample]:
        """Yield the share."""
        yield FREE(0.5, mount="/")
