import pytest

from pacs_monitor.notify import sandbox


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates that are well have time enough on a busy machine, too."""
    monkeypatch.setattr(sandbox.render, "__defaults__", (60.0,))
