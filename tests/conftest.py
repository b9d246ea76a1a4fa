"""Real servers on free loopback ports, each stopped by its own process id."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, settings

from tests.peers.dcmtk import DcmQrScp, StoreScp, run_dcmqrscp, run_storescp
from tests.peers.orthanc import Orthanc, run_orthanc
from tests.peers.prometheus import Prometheus, run_prometheus
from tests.peers.raw import RawServer

settings.register_profile("machines are noisy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("machines are noisy")


class StartOrthanc(Protocol):
    """Starts an Orthanc with these settings over the usual ones."""

    def __call__(self, **settings: Any) -> Orthanc: ...


class StartStoreScp(Protocol):
    """Starts a storescp with these options."""

    def __call__(self, *options: str) -> StoreScp: ...


class StartPrometheus(Protocol):
    """Starts a Prometheus with this prometheus.yml, as text or as a mapping."""

    def __call__(self, config: Mapping[str, Any] | str, *options: str) -> Prometheus: ...


class StartRawServer(Protocol):
    """Starts a TCP server that calls `behave` with each connection."""

    def __call__(self, behave: Callable[[socket.socket], object]) -> RawServer: ...


@pytest.fixture
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a new folder outside the test's own tmp_path, so that a server's files are not in its way."""
    return tmp_path_factory.mktemp


@pytest.fixture
def start_orthanc(new_folder: Callable[[str], Path]) -> Iterator[StartOrthanc]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(run_orthanc(new_folder("orthanc"), **settings))


@pytest.fixture
def orthanc(start_orthanc: StartOrthanc) -> Orthanc:
    return start_orthanc()


@pytest.fixture
def start_storescp(new_folder: Callable[[str], Path]) -> Iterator[StartStoreScp]:
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(run_storescp(new_folder("storescp"), *options))


@pytest.fixture
def storescp(start_storescp: StartStoreScp) -> StoreScp:
    return start_storescp()


@pytest.fixture
def dcmqrscp(new_folder: Callable[[str], Path]) -> Iterator[DcmQrScp]:
    with run_dcmqrscp(new_folder("dcmqrscp")) as server:
        yield server


@pytest.fixture
def prometheus(new_folder: Callable[[str], Path]) -> Iterator[StartPrometheus]:
    with ExitStack() as stack:
        yield lambda config, *options: stack.enter_context(run_prometheus(new_folder("prometheus"), config, *options))


@pytest.fixture
def raw_server() -> Iterator[StartRawServer]:
    with ExitStack() as stack:
        yield lambda behave: stack.enter_context(RawServer(behave))
