"""Orthanc's REST API, for checks: its settings here, its client in `client`, which only a run imports."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from pacs_monitor.units import FilePath, PlainText, Secret, Url


class OrthancSettings(BaseModel):
    """How to reach the REST API of an Orthanc."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)

    orthanc: Url
    """The REST API's address, such as http://10.0.0.5:8042; redirects are not followed."""
    username: PlainText | None = None
    """The user, if it wants one."""
    password: Secret | None = None
    """The user's password, as ${VARIABLE}; better: password_file."""
    password_file: FilePath | None = None
    """A file that holds the password; a last line break is dropped."""
    ca_file: FilePath | None = None
    """Certificates to trust instead of the system's (PEM), for https."""
    verify: bool = True
    """Whether to verify the server's certificate."""

    @model_validator(mode="after")
    def _no_secret_in_the_address(self) -> Self:
        check_login("orthanc", self.orthanc, self.username, bool(self.password or self.password_file))
        return self


def check_login(setting: str, address: str, username: str | None, has_password: bool) -> None:
    """Raise ValueError for an address that holds a user, and for a password without one."""
    if "@" in address.split("//", 1)[1].split("/")[0]:
        raise ValueError(f"{setting} holds a user; set username and password_file instead")
    if username is None and has_password:
        raise ValueError("a password without a user; set username")
