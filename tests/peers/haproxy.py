"""HAProxy as a web server: pages of every kind, by http, by https, and by https for those with a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.dicom.authority import Authority, Files
from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program

CANARY = "DOE^JANE"

_GLOBAL = """
global
    log stdout format raw local0
defaults
    mode http
    timeout client 60s
    timeout connect 60s
    timeout server 60s
userlist people
    user monitor insecure-password right:ü
frontend web
    bind 127.0.0.1:PLAIN
    bind 127.0.0.1:SECURE ssl crt SERVER
    bind 127.0.0.1:GUARDED ssl crt SERVER ca-file AUTHORITY verify required
    http-request auth realm r if { path /login } !{ http_auth(people) }
    http-request deny deny_status 403 if { path /forbidden }
"""
_JSON = f"""'{{"status":"UP","n":[{{"jobs":7}}],"patient":"{CANARY}"}}'"""
_ASKED = " ".join(
    [
        "%[method]",
        *(f"{name}=%[req.hdr({header})]" for name, header in (("auth", "authorization"), ("key", "x-key"))),
        *(f"{name}=%[req.hdr({header})]" for name, header in (("host", "host"), ("length", "content-length"))),
    ]
)
_RETURNED = (
    f'status 503 content-type text/plain string "{CANARY}" if {{ path /broken }}',
    f'status 404 content-type text/plain string "{CANARY}" if {{ path /missing }}',
    "status 204 if { path /nothing }",
    f"status 200 content-type application/json string {_JSON} if {{ path /json }}",
    f'status 200 content-type text/plain lf-string "{_ASKED}" if {{ path /asked }}',
)
_REDIRECTED = (
    "/json code 302 if { path /moved }",
    "/circle code 302 if { path /circle }",
    "http://localhost:PLAIN/asked code 307 if { path /away }",
    "http://127.0.0.1:PLAIN/json code 301 if { path /down }",
    "https://127.0.0.1:SECURE/json code 301 if { path /up }",
    f"http://[{CANARY} code 301 if {{ path /odd }}",
)
_CONFIGURATION = (
    _GLOBAL
    + "".join(f"    http-request return {rule}\n" for rule in _RETURNED)
    + "".join(f"    http-request redirect location {rule}\n" for rule in _REDIRECTED)
    + f'    http-request return status 200 content-type "text/plain; charset=latin-1" string "Sign in, {CANARY}"\n'
)


@dataclass(frozen=True)
class HaProxy:
    """Its addresses, and the output of its log."""

    plain: str
    secure: str
    guarded: str
    server: ServerProcess


@contextmanager
def run_haproxy(folder: Path, authority: Authority, certificate: Files) -> Iterator[HaProxy]:
    """Until the `with` ends."""
    ports = {name: free_port() for name in ("PLAIN", "SECURE", "GUARDED")}
    both = folder / "server.pem"
    both.write_bytes(certificate.cert.read_bytes() + certificate.key.read_bytes())
    text = _CONFIGURATION.replace("AUTHORITY", str(authority.file)).replace("SERVER", str(both))
    for name, port in ports.items():
        text = text.replace(name, str(port))
    path = folder / "haproxy.cfg"
    path.write_text(text)
    argv: list[str | Path] = [program("haproxy", "haproxy"), "-db", "-f", path]
    with ServerProcess(argv, folder / "haproxy.log", ports=list(ports.values())) as server:
        plain, secure, guarded = (f"127.0.0.1:{port}" for port in ports.values())
        yield HaProxy(f"http://{plain}", f"https://{secure}", f"https://{guarded}", server)
