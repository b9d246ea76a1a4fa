"""DCMTK's servers and its C-ECHO client."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program


@dataclass(frozen=True)
class StoreScp:
    """A running storescp: takes C-ECHO and C-STORE from and for any AE title, an association at a time."""

    port: int
    folder: Path
    process: ServerProcess
    host: str = "127.0.0.1"
    ae_title: str = "STORESCP"

    def received(self) -> list[Path]:
        """The files that it has stored, by name."""
        return sorted(self.folder.iterdir())


@dataclass(frozen=True)
class DcmQrScp:
    """A running dcmqrscp: an archive that knows PACSMON at `pacsmon_port` of this machine."""

    port: int
    pacsmon_port: int
    folder: Path
    process: ServerProcess
    host: str = "127.0.0.1"
    ae_title: str = "DCMQRSCP"


@contextmanager
def run_storescp(folder: Path, *options: str) -> Iterator[StoreScp]:
    """Run storescp with its files under `folder`; `options` as on its command line (`--sleep-after`, `2`)."""
    executable = program("storescp", "dcmtk")
    port, received = free_port(), folder / "received"
    received.mkdir()
    argv = [executable, "-v", "-dhl", "+xa", "-od", str(received), *options, str(port)]
    with ServerProcess(argv, folder / "storescp.log", ports=[port]) as server:
        yield StoreScp(port, received, server)


_DCMQRSCP_CFG = """\
NetworkTCPPort  = {port}
MaxPDUSize      = 16384
MaxAssociations = 16

HostTable BEGIN
pacsmon = (PACSMON, 127.0.0.1, {pacsmon_port})
HostTable END

VendorTable BEGIN
VendorTable END

AETable BEGIN
DCMQRSCP  {storage}  RW  (200, 1024mb)  ANY
AETable END
"""


@contextmanager
def run_dcmqrscp(folder: Path, *options: str) -> Iterator[DcmQrScp]:
    """Run dcmqrscp with its files under `folder`; `options` as on its command line (`--disable-get`)."""
    executable = program("dcmqrscp", "dcmtk")
    port, pacsmon_port, storage = free_port(), free_port(), folder / "storage"
    storage.mkdir()
    cfg = folder / "dcmqrscp.cfg"
    cfg.write_text(_DCMQRSCP_CFG.format(port=port, pacsmon_port=pacsmon_port, storage=storage))
    argv = [executable, "-v", "-dhl", *options, "-c", str(cfg)]
    with ServerProcess(argv, folder / "dcmqrscp.log", ports=[port]) as server:
        yield DcmQrScp(port, pacsmon_port, storage, server)


def echoscu(port: int, *options: str, called: str = "ANY-SCP") -> subprocess.CompletedProcess[str]:
    """One C-ECHO by DCMTK's client; its exit status is 0 if it was answered."""
    argv = [program("echoscu", "dcmtk"), "-v", "-to", "5", "-aet", "PACSMON", "-aec", called, *options]
    return subprocess.run(
        [*argv, "127.0.0.1", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=150,
        check=False,
    )


AE_TITLE_OF_WLMSCPFS = "WLMSCPFS"


@contextmanager
def run_wlmscpfs(folder: Path, *options: str) -> Iterator[tuple[int, Path]]:
    """Run wlmscpfs; its port, and the folder of the files (`*.wl`) that it lists under AE_TITLE_OF_WLMSCPFS."""
    executable = program("wlmscpfs", "dcmtk")
    port, files = free_port(), folder / AE_TITLE_OF_WLMSCPFS
    files.mkdir()
    (files / "lockfile").touch()  # it lists no folder without one
    argv = [executable, "-v", *options, "-dfp", str(folder), str(port)]
    with ServerProcess(argv, folder / "wlmscpfs.log", ports=[port]):
        yield port, files


def storescu(port: int, *files: Path, calling: str, called: str) -> None:
    """Send files by one association. AssertionError, with what it printed, unless all were taken."""
    argv = [program("storescu", "dcmtk"), "-v", "-xe", "-aet", calling, "-aec", called, "127.0.0.1", str(port)]
    done = subprocess.run([*argv, *map(str, files)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
