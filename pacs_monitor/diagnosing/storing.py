"""A C-STORE for a diagnosis: that of a check which may write to the node anyway, and cleans up after itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from pacs_monitor.check import CheckFailed
from pacs_monitor.diagnosing.diagnosis import Step
from pacs_monitor.dicom.writing import WritingCheck

if TYPE_CHECKING:
    from pacs_monitor.probing import Probed
    from pacs_monitor.settings import Configuration, Key

Store = Callable[[], Awaitable[tuple[list[Step], CheckFailed | None]]]
"""Stores a synthetic study: the steps, and why it failed if it did."""
_SAID = {
    "store": "a synthetic study is stored",
    "visible": "it is found",
    "retrieve": "it comes back as it was",
    "delete": "it is deleted again",
}


def store_of(configuration: Configuration, node: str) -> Store:
    """By the node's check that writes. Raises ValueError if nobody has allowed that."""
    keys = [
        key
        for key, configured in configuration.checks.items()
        if key[0] == node and isinstance(configured.check, WritingCheck) and configured.check.write
    ]
    if not keys:
        raise ValueError(
            f"--store: nothing may be stored in {node}: none of its checks has write: true; give it the check ingest "
            f"with write: true and delete, so that the study does not stay there"
        )

    async def store() -> tuple[list[Step], CheckFailed | None]:
        return await _store(configuration, keys[0])

    return store


async def _store(configuration: Configuration, key: Key) -> tuple[list[Step], CheckFailed | None]:
    from pacs_monitor.probing import probe

    try:
        (probed,) = await probe(configuration, [key])
    except LookupError as error:
        failure = CheckFailed("broken", str(error.args[0]))
        return [Step("C-STORE", "skipped", None, failure.message)], None
    return list(_steps(probed)), CheckFailed(probed.reason, probed.message) if probed.reason else None  # type: ignore[arg-type]


def _steps(probed: Probed) -> Iterator[Step]:
    for name, labels, seconds in probed.samples:
        if name.endswith("_step_seconds") and labels.get("step") in _SAID:
            step = labels["step"]
            yield Step("C-STORE" if step == "store" else step, "ok", seconds, _SAID[step])
    if probed.reason:
        yield Step(probed.check, "failed", None, probed.message.partition("; ")[0])
