"""snmpd of Net-SNMP as Debian ships it (5.9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gufo.snmp.sync import SnmpSession

from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program

USERS = """\
createUser monitor SHA "authenticate" AES "encrypted!"
createUser strong SHA-256 "authenticate" AES-256 "encrypted!"
createUser plain MD5 "authenticate"
rouser monitor priv
rouser strong priv
rouser plain auth
"""


@dataclass(frozen=True)
class Snmpd:
    """A running snmpd, with the community `here` and the users above."""

    port: int
    process: ServerProcess
    host: str = "127.0.0.1"


def row(index: int, name: str, unit: int, size: int, used: int) -> str:
    """Lines of snmpd.conf that put a volume of our own into its storage table."""
    column = "override -rw 1.3.6.1.2.1.25.2.3.1"
    text = name.encode().hex(" ")
    return (
        f"{column}.3.{index} octet_str 0x{text.replace(' ', '')}\n"
        f"{column}.4.{index} integer {unit}\n{column}.5.{index} integer {size}\n{column}.6.{index} integer {used}\n"
    )


@contextmanager
def run_snmpd(folder: Path, more: str = "") -> Iterator[Snmpd]:
    """snmpd with its files under `folder`; `more` is appended to its snmpd.conf."""
    executable = program("snmpd", "snmpd")
    port = free_port()
    (folder / "snmpd.conf").write_text(f"agentaddress udp:127.0.0.1:{port}\nrocommunity here\n{USERS}{more}")
    files = ["-C", "-c", f"{folder}/snmpd.conf", "-p", f"{folder}/pid"]
    argv = [executable, "-f", "-Lo", "-I", "-smux", *files]

    def answers() -> bool:
        with SnmpSession("127.0.0.1", port, community="here", timeout=1) as session:
            try:
                return session.get("1.3.6.1.2.1.1.3.0") is not None
            except (TimeoutError, OSError):
                return False

    environment = {"SNMP_PERSISTENT_DIR": str(folder / "kept"), "MIBS": ""}
    with ServerProcess(argv, folder / "snmpd.log", ports=[], answers=answers, env=environment) as process:
        yield Snmpd(port, process)
