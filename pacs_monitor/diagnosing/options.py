"""What the command line of `diagnose` asks for, made a target; each mistake is one complaint with its remedy."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from pacs_monitor.certificates import context_for
from pacs_monitor.check import CheckFailed
from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.diagnosing.diagnosis import Target
from pacs_monitor.node import Tls
from pacs_monitor.units import Host, check_ae_title

if TYPE_CHECKING:
    from pacs_monitor.settings import Configuration

LONGEST = 3600.0
OUR_TITLE = "PACSMON"


@dataclass(frozen=True)
class TlsOptions:
    """What is said of TLS. Any of it means that TLS is wanted."""

    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    server_name: str | None = None
    insecure: bool = False


def make_target(place: str, called: str | None, calling: str | None, options: TlsOptions, timeout: float) -> Target:
    """The target. Reads the certificate files. Raises ValueError with the remedy."""
    _check_timeout(timeout)
    host, port = parse_target(place)
    if called is None:
        raise ValueError(f"{place}: say the AE title of what listens there, with --called")
    ours = _title("--calling", OUR_TITLE if calling is None else calling)
    return Target(host, port, _title("--called", called), ours, _tls(options), timeout)


def target_of_node(
    configuration: Configuration,
    name: str,
    called: str | None,
    calling: str | None,
    options: TlsOptions,
    timeout: float,
) -> Target:
    """A node of the configuration, with its AE titles, TLS and user identity. Raises ValueError with the remedy."""
    _check_timeout(timeout)
    node = configuration.nodes.get(name)
    if node is None:
        hint = suggestion(name, configuration.nodes) if configuration.nodes else "it has none"
        raise ValueError(f"{configuration.path} has no node {name}; {hint}; for what it does not have, give HOST:PORT")
    if node.host is None or node.port is None:
        raise ValueError(f"{name} has no {'host' if node.host is None else 'port'}; set it, or give HOST:PORT")
    title = node.ae_title if called is None else _title("--called", called)
    if title is None:
        raise ValueError(f"{name} has no ae_title; set it, or give --called")
    ours = node.calling_ae_title if calling is None else _title("--calling", calling)
    return Target(node.host, node.port, title, ours, _tls(options) or node.tls, timeout, node.user_identity)


def _check_timeout(seconds: float) -> None:
    if not 0.1 <= seconds <= LONGEST:
        raise ValueError(f"--timeout: {seconds:g} is not from 0.1 to {LONGEST:g} seconds")


def _title(option: str, text: str) -> str:
    try:
        return check_ae_title(text)
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from None


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
        raise ValueError(_words(error)) from None


def _words(error: ValidationError) -> str:
    return error.errors()[0]["msg"].removeprefix("Value error, ")


def _tls(options: TlsOptions) -> Tls | None:
    if options == TlsOptions():
        return None
    if options.key and not options.cert:
        raise ValueError("--key is given without --cert; give our certificate with --cert, or leave both out")
    for option, path in (("--ca", options.ca), ("--cert", options.cert), ("--key", options.key)):
        if path is not None:
            _try_to_read(option, path)
    if options.cert and not options.key and b"PRIVATE KEY-----" not in options.cert.read_bytes():
        raise ValueError(f"--cert {options.cert} holds no private key; give the key that belongs to it with --key")
    try:
        tls = Tls(
            ca_file=options.ca,
            cert_file=options.cert,
            key_file=options.key,
            server_name=options.server_name,
            verify=not options.insecure,
        )
        context = context_for(tls)
    except ValidationError as error:
        raise ValueError(f"--server-name: {_words(error)}") from None
    except CheckFailed as failure:
        given = [name for name in ("ca", "cert", "key") if getattr(options, name)]
        remedy = f"correct {' or '.join(f'--{name}' for name in given)}"
        raise ValueError(f"{failure.message.removesuffix('; correct tls')}; {remedy}") from None
    _try_name(options.server_name, context)
    return tls


def _try_name(name: str | None, context: ssl.SSLContext) -> None:
    try:
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name or "localhost")
    except ValueError:
        raise ValueError(
            f"--server-name: {name} cannot be the name in a certificate; write one such as archive.example"
        ) from None


def _try_to_read(option: str, path: Path) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(f"{option} {path}: {error.strerror}; give a file that this user can read") from None
