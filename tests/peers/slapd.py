"""OpenLDAP's slapd as Debian ships it, with TLS on the ordinary port (StartTLS)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.dicom.authority import Files
from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program


@contextmanager
def run_slapd(folder: Path, files: Files | None) -> Iterator[int]:
    """Its port; without files it offers no TLS."""
    port = free_port()
    tls = f"TLSCertificateFile {files.cert}\nTLSCertificateKeyFile {files.key}\n" if files else ""
    (folder / "slapd.conf").write_text(f"pidfile {folder}/pid\nargsfile {folder}/args\n{tls}")
    argv = [program("slapd", "slapd"), "-f", f"{folder}/slapd.conf", "-h", f"ldap://127.0.0.1:{port}", "-d", "0"]
    with ServerProcess(argv, folder / "log", ports=[port]):
        yield port
