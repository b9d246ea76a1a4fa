"""What a check keeps: a copy that changes once the change is on disk."""

import asyncio
from typing import Any

import pytest

from pacs_monitor.memory import LONGEST_VALUE, CheckMemory, NotSaved


class Disk:
    """Takes commits, or refuses them."""

    def __init__(self) -> None:
        self.commits: list[tuple[str, str | None, bool]] = []
        self.error = ""
        self.slow = asyncio.Event()
        self.slow.set()

    async def commit(self, key: str, value: str | None, keep: bool) -> None:
        await self.slow.wait()
        if self.error:
            raise NotSaved(self.error)
        self.commits.append((key, value, keep))


async def test_a_value_can_be_read_once_it_is_committed_and_not_before() -> None:
    disk = Disk()
    disk.slow.clear()
    memory = CheckMemory({}, disk.commit)
    putting = asyncio.create_task(memory.put("mark", 7))
    await asyncio.sleep(0)
    assert memory.get("mark") is None
    disk.slow.set()
    await putting
    assert memory.get("mark") == 7
    assert disk.commits == [("mark", "7", False)]


async def test_a_value_that_could_not_be_saved_is_not_there() -> None:
    disk = Disk()
    memory = CheckMemory({"mark": 1}, disk.commit)
    disk.error = "disk full"
    with pytest.raises(OSError, match="disk full"):
        await memory.put("mark", 2)
    with pytest.raises(NotSaved):
        await memory.delete("mark")
    assert memory.get("mark") == 1


async def test_what_is_read_is_what_json_made_of_it() -> None:
    memory = CheckMemory({}, Disk().commit)
    value: Any = {"uids": ("1", "2")}
    await memory.put("journal", value)
    value["uids"] = ()
    assert memory.get("journal") == {"uids": ["1", "2"]}


async def test_a_key_is_deleted_on_disk_first_and_one_that_is_not_there_is_no_error() -> None:
    disk = Disk()
    memory = CheckMemory({"a": 1, "b": 2}, disk.commit)
    await memory.delete("a")
    await memory.delete("never was")
    assert memory.items() == [("b", 2)]
    assert disk.commits == [("a", None, False)]


async def test_keep_is_handed_on() -> None:
    disk = Disk()
    await CheckMemory({}, disk.commit).put("uid", 1, keep=True)
    assert disk.commits == [("uid", "1", True)]


async def test_a_value_that_is_too_long_is_refused() -> None:
    disk = Disk()
    with pytest.raises(ValueError, match="a check may keep"):
        await CheckMemory({}, disk.commit).put("all of it", "x" * LONGEST_VALUE)
    assert disk.commits == []


async def test_a_key_must_be_text() -> None:
    with pytest.raises(TypeError, match="a key is text, not a int"):
        await CheckMemory({}, Disk().commit).put(1, 1)  # type: ignore[arg-type]


async def test_a_value_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError):
        await CheckMemory({}, Disk().commit).put("a", {1, 2})


async def test_the_items_may_be_changed_while_they_are_gone_through() -> None:
    memory = CheckMemory({"a": 1, "b": 2}, Disk().commit)
    for key, _ in memory.items():
        await memory.delete(key)
    assert memory.items() == []
