import pytest

from pacs_monitor.notify import sandbox
from pacs_monitor.notify.templates import Templates
from tests.notify.rendering import ZONE


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates that are well have time enough on a busy machine, too."""
    monkeypatch.setattr(sandbox.render, "__defaults__", (60.0,))


@pytest.fixture
def templates() -> Templates:
    return Templates(ZONE, "north")
