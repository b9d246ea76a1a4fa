"""What a failure's sentence calls that which a check looks at: as much as is known, and no name of a patient."""

import asyncio
import errno
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from checks.tcp import Tcp
from pacs_monitor.check import Check, FilePath, NodeCheck, Port, Sample
from pacs_monitor.node import Node
from tests.peers.ports import free_port
from tests.test_runner import Bench

PATIENT = "DOE^JOHN"


class Dials(NodeCheck):
    """Goes to a port of its own choice."""

    async def run(self) -> AsyncIterator[Sample]:
        await self.open_connection(int(self.node.labels["web"]))
        yield  # type: ignore[misc]


class DialsByItself(NodeCheck):
    """Opens its connection without the engine's help."""

    port: Port | None = None

    async def run(self) -> AsyncIterator[Sample]:
        await asyncio.open_connection(str(self.node.host), self.port or self.node.port)
        yield  # type: ignore[misc]


class Portless(NodeCheck):
    """Nobody knows where it goes."""

    async def run(self) -> AsyncIterator[Sample]:
        samples: list[Sample] = []
        for sample in samples:
            yield sample
        raise ConnectionRefusedError(errno.ECONNREFUSED, "x")


@pytest.mark.parametrize(
    ("check", "node_port"), [(Tcp(), True), (Dials(), False), (DialsByItself(), True)], ids=lambda value: str(value)
)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_refused_connection_is_told_with_host_and_port(check: NodeCheck, node_port: bool, host: str) -> None:
    port = free_port()
    node = Node(name="archive", host=host, port=port if node_port else 104, labels={"web": str(port)})
    gave = await Bench(type(check)(), node).run()
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    assert gave.message == (
        f"archive ({place}) refuses the connection: nothing listens there; start the service, or correct the port"
    )


async def test_the_port_of_a_setting_comes_before_the_nodes() -> None:
    port = free_port()
    gave = await Bench(DialsByItself(port=port), Node(name="archive", host="127.0.0.1", port=104)).run()
    assert gave.message.startswith(f"archive (127.0.0.1:{port}) refuses the connection")


async def test_a_port_that_is_not_known_is_not_made_up() -> None:
    gave = await Bench(Portless(), Node(name="archive", host="127.0.0.1", port=104)).run()
    assert gave.message.startswith("archive (127.0.0.1) refuses the connection")


class Reads(Check):
    """Reads a file below a folder, or one that nothing in the settings names."""

    folder: FilePath
    below: str = ""
    elsewhere: str = ""

    def run(self) -> Iterator[Sample]:
        (Path("/", *self.elsewhere.split("/")) if self.elsewhere else self.folder / self.below).read_bytes()
        yield  # type: ignore[misc]


async def test_a_path_of_the_settings_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gave = await Bench(Reads(folder=gone)).run()
    assert (gave.reason, gave.message) == (
        "not_found",
        f"n/check: {gone} is not there; make or mount it, or correct the path",
    )


async def test_of_a_path_below_one_of_the_settings_only_that_is_named(tmp_path: Path) -> None:
    gave = await Bench(Reads(folder=tmp_path, below=f"{PATIENT}/1.dcm")).run()
    assert gave.message == f"n/check: something below {tmp_path} is not there; make or mount it, or correct the path"


async def test_of_any_other_path_the_place_in_the_code_is_named() -> None:
    gave = await Bench(Reads(folder=Path("/data"), elsewhere=f"nowhere/{PATIENT}/1.dcm")).run()
    line = next(
        number for number, text in enumerate(Path(__file__).read_text().splitlines(), 1) if "read_bytes" in text
    )
    assert gave.message == (
        f"n/check: the file or folder that {__file__}:{line} asks for is not there; "
        "make or mount it, or correct the path"
    )


def test_a_node_without_a_host_is_named_alone(tmp_path: Path) -> None:
    from checks.tls_expiry import TlsExpiry
    from pacs_monitor.targets import peer_of, target_of
    from tests.checks.support import bind

    check = bind(TlsExpiry(cert_file=tmp_path / "web.pem"), Node(name="web", port=443))
    assert (target_of(check, "own"), peer_of(check, "own")) == ("web", "web")
