"""TLS expiry: until when is the certificate of a port, or in a file, good, and may it be trusted?"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Self

from pydantic import model_validator

from pacs_monitor import expiry
from pacs_monitor.certificates import TlsFailed, context_for
from pacs_monitor.check import Check, CheckFailed, Count, Duration, FilePath, Gauge, Host, Port, Sample, Tls
from pacs_monitor.dicom.check import Slot
from pacs_monitor.expiry import CHAIN, EXPIRY
from pacs_monitor.line import Line
from pacs_monitor.node import Node
from pacs_monitor.starttls import Service, begin

TRUSTED = Gauge("pacs_certificate_trusted", "1 if the certificate is one that we trust, and for the right name.")

SHARED = (EXPIRY, CHAIN)
_OF_THE_PEERS = ("expired", "not_yet_valid", "self_signed", "issuer", "name", "address", "not_accepted")


class TlsExpiry(Check):
    """Shake hands with a TLS port, or read a certificate file, and say until when the whole chain is good."""

    interval: Duration = 3600.0
    """How often it runs."""
    retry_interval: Duration | None = 300.0
    """After a failure, run again this soon if that is sooner."""
    down_after: Count = 3
    """So many failures in a row make it confirmed down."""
    host: Host | None = None
    """The host to look at; the node's own unless set."""
    port: Port | None = None
    """The port to look at; the node's own unless this or host is set."""
    starttls: Service | None = None
    """What to speak until TLS begins: smtp, imap, ldap or postgres; for a port that begins in plain text."""
    cert_file: FilePath | None = None
    """A certificate file (PEM, or DER) to read instead of asking a port."""
    tls: Tls | None = None
    """How the certificate is verified; for the node's own port as the node's `tls` says unless set."""
    warning: Duration = 30 * 86400.0
    """An alert tells of it when less than this is left."""
    critical: Duration = 7 * 86400.0
    """It fails when less than this is left."""

    anywhere: ClassVar[bool] = True
    thresholds: ClassVar[tuple[str, ...]] = ("warning", "critical")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.cert_file is not None and (self.host or self.port or self.starttls or self.tls):
            raise ValueError("cert_file takes no host, port, starttls or tls; keep it, or them")
        if self.critical > self.warning:
            raise ValueError("critical is longer than warning; write for example critical: 7d and warning: 30d")
        return self

    async def run(self) -> AsyncIterator[Sample]:
        """Yield when what expires; then raise CheckFailed for what expires soon, or is not to be trusted."""
        untrusted: TlsFailed | None = None
        if self.cert_file is not None:
            where = str(self.cert_file)
            shown = tuple(await self.in_thread(expiry.read_chain, self.cert_file))
        else:
            where, tls = self._where(), self._tls()
            shown, untrusted = await self._look(where, tls)
            if tls.verify:
                yield TRUSTED(float(untrusted is None))
        chain = await self.in_thread(expiry.validities, shown, where)
        for sample in expiry.samples(chain):
            yield sample
        fault = expiry.fault_of(chain, where, self.critical) or untrusted
        if fault is not None:
            raise fault

    def _where(self) -> str:
        node = self.surroundings.node
        name = node.name if node is not None else self.name
        if not self._host:
            raise CheckFailed("broken", f"{name} has no host; set host for this check or for its node, or cert_file")
        if self._port is None:
            raise CheckFailed("broken", f"{name} has no port; set port for this check or for its node")
        return f"{name} ({self._host}:{self._port})"

    @property
    def _host(self) -> str:
        node = self.surroundings.node
        return str(self.host or (node and node.host) or "")

    @property
    def _port(self) -> int | None:
        node = self.surroundings.node
        return self.port or (node.port if node is not None and self.host is None else None)

    def _own(self) -> Node | None:
        """The node, if it is its DICOM port that is looked at."""
        node = self.surroundings.node
        return node if node is not None and (self._host, self._port) == (node.host, node.port) else None

    def _tls(self) -> Tls:
        own = self._own()
        return self.tls or (own and own.tls) or Tls()

    def _turn(self) -> AbstractAsyncContextManager[None]:
        # A DICOM listener may take one connection at a time.
        own = self._own()
        return Slot(self, own) if own is not None else contextlib.nullcontext()

    async def _look(self, where: str, tls: Tls) -> tuple[tuple[bytes, ...], TlsFailed | None]:
        """The chain, and why it is not to be trusted. Raises CheckFailed if there is none to see."""
        context = await self.in_thread(context_for, tls)
        host = self._host
        async with self._turn(), Line(self, host, int(self._port or 0), {}) as line:
            if self.starttls is not None:
                late = f"{where} took the connection and did not begin with TLS in time; does it speak {self.starttls}?"
                async with line.step("starttls", lambda: late):
                    await begin(self.starttls, *line.streams, where)
            failure: TlsFailed | None = None
            try:
                await line.secure(context, tls.server_name or host)
            except TlsFailed as error:
                if not line.chain:
                    raise
                # What it has shown can be seen all the same. That it wants a certificate of ours is its affair.
                failure = error if error.trouble in _OF_THE_PEERS else None
            return line.chain[: expiry.MOST], failure
