import pytest

from pacs_monitor.diagnosing import suspects


@pytest.fixture(autouse=True)
def _closed_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a developer's machine an archive may listen where DICOM mostly does."""
    monkeypatch.setattr(suspects, "PORTS", (1, 2))
