"""SNMP, for checks: its settings here, what it is asked in files beside this, which only a run imports."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from pacs_monitor.sections import Section
from pacs_monitor.units import FilePath, PlainText, Port, Secret

SHORTEST_PASSWORD = 8
"""RFC 3414 11.2; agents refuse to start with shorter ones."""


class SnmpSettings(Section):
    """How to ask an SNMP agent: by a community (version 2c), or as a user (version 3)."""

    port: Port = 161
    """Its UDP port."""
    community: Secret | None = None
    """The community for version 2c, as ${VARIABLE}; better: community_file. It goes over the network in clear."""
    community_file: FilePath | None = None
    """A file that holds the community."""
    username: PlainText | None = None
    """The user for version 3."""
    auth: Literal["MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"] = "SHA"
    """How the user's messages are authenticated."""
    auth_password: Secret | None = None
    """Its password, as ${VARIABLE}; better: auth_password_file."""
    auth_password_file: FilePath | None = None
    """A file that holds it."""
    privacy: Literal["DES", "AES", "AES-192", "AES-256"] = "AES"
    """How they are encrypted, if there is a password for that."""
    privacy_password: Secret | None = None
    """Its password, as ${VARIABLE}; better: privacy_password_file."""
    privacy_password_file: FilePath | None = None
    """A file that holds it."""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        community = self.community or self.community_file
        if bool(community) == bool(self.username):
            raise ValueError(
                "snmp takes a community or a username; set community_file for version 2c, or username for version 3"
            )
        auth = self.auth_password or self.auth_password_file
        privacy = self.privacy_password or self.privacy_password_file
        if not self.username and (auth or privacy):
            raise ValueError("a password without a user; set username, which is version 3")
        if self.username and not auth:
            raise ValueError("a user without a password; set auth_password_file")
        for name, secret in (("auth_password", self.auth_password), ("privacy_password", self.privacy_password)):
            if secret and len(secret.get_secret_value()) < SHORTEST_PASSWORD:
                raise ValueError(f"{name} is shorter than {SHORTEST_PASSWORD} characters, which no SNMP agent takes")
        return self
