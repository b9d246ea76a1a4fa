"""What the check of an Orthanc sees over time: how long images are kept, and who sends how much."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from pacs_monitor.orthanc import growth
from tests.checks.orthancs import DAY, Documented, check_of, look, store
from tests.checks.support import DictMemory
from tests.conftest import StartOrthanc
from tests.peers import orthanc as peers

# How long images are kept.


async def test_recycling_is_noticed_though_one_patient_comes_again_and_again(start_orthanc: StartOrthanc) -> None:
    orthanc = start_orthanc(MaximumPatientCount=6)
    store(orthanc, "phantom")
    for patient in range(5):
        store(orthanc, str(patient))
    memory = DictMemory()
    before = await look(check_of(orthanc.url, memory, keep_at_least="30d"))
    assert before.failure is None, "nothing is known to be deleted"
    assert before.value("pacs_orthanc_kept_since_timestamp_seconds") is None
    store(orthanc, "phantom")  # its first study stays with it
    for patient in range(5, 9):
        store(orthanc, str(patient))
    gave = await look(check_of(orthanc.url, memory, keep_at_least="30d"))
    assert orthanc.get("/statistics")["CountPatients"] == 6
    assert gave.reason == "threshold"
    assert gave.message.startswith("archive keeps what it receives for ")
    assert gave.message.endswith(
        " only, 30 d are due: it has deleted what is older; raise MaximumStorageSize or MaximumPatientCount, or find "
        "out what fills it"
    )
    oldest, since = (gave.value(f"pacs_orthanc_{name}_timestamp_seconds") for name in ("oldest", "kept_since"))
    assert oldest == before.value("pacs_orthanc_oldest_timestamp_seconds"), "the phantom's"
    assert oldest is not None
    assert since is not None
    assert since >= oldest
    assert (await look(check_of(orthanc.url, memory, keep_at_least="1ms"))).failure is None


async def test_what_is_deleted_by_hand_is_no_recycling(documented: Documented) -> None:
    for number in range(40):
        documented.receive(f"s{number:02}", ago=(40 - number) * DAY)
    memory = DictMemory()
    check = check_of(documented.url, memory, keep_at_least="90d")
    await look(check)
    for study in ("s00", "s13", "s20", "s39"):
        documented.lose(study)
    for _ in range(5):
        gave = await look(check)
        assert gave.failure is None
    assert sum(not there for *_, there in memory.kept["watched"]) > 2


async def test_days_that_shrink_are_told_by_the_day_from_which_on_all_is_there(documented: Documented) -> None:
    for number in range(40):
        documented.receive(f"s{number:02}", ago=(40 - number) * DAY)
    check = check_of(documented.url, keep_at_least="30d")
    await look(check)
    for number in range(22):
        documented.lose(f"s{number:02}")
    for _ in range(3):  # each run looks at some
        await look(check)
    gave = await look(check)
    assert gave.reason == "threshold"
    assert gave.message.startswith("archive keeps what it receives for 18 d only, 30 d are due: ")


def empty_the_list(orthanc: peers.Orthanc) -> None:
    requests.delete(f"{orthanc.url}/changes", timeout=10).raise_for_status()


async def test_a_list_that_was_emptied_is_no_recycling(orthanc: peers.Orthanc) -> None:
    for patient in range(5):
        store(orthanc, str(patient))
    check = check_of(orthanc.url, keep_at_least="30d")
    await look(check)
    empty_the_list(orthanc)
    store(orthanc, "later")
    gave = await look(check)
    assert gave.failure is None
    assert gave.value("pacs_orthanc_oldest_timestamp_seconds") is None, "the list does not reach back to it"


async def test_a_new_database_begins_anew(documented: Documented) -> None:
    for number in range(9):
        documented.receive(f"old{number}")
    check = check_of(documented.url, keep_at_least="30d")
    await look(check)
    for number in range(9):
        documented.lose(f"old{number}")
    documented.last = 0
    documented.receive("new", "MR")
    assert (await look(check)).failure is None
    documented.receive("newer", "MR")
    assert (await look(check)).value("pacs_orthanc_received_studies_total", dicom_modality="MR") == 1


# Who sends how much.


async def test_what_comes_in_is_counted_once_by_modality(orthanc: peers.Orthanc) -> None:
    memory = DictMemory()
    store(orthanc, "before", "CT")
    first = await look(check_of(orthanc.url, memory))
    assert first.value("pacs_orthanc_received_bytes_total") is None, "the archive is not scanned"
    disk = first.value("pacs_orthanc_disk_bytes") or 0
    store(orthanc, "1", "CT")
    store(orthanc, "2", "MR")
    store(orthanc, "3", "MR")
    store(orthanc, "4", "CANARY")
    gave = await look(check_of(orthanc.url, memory))  # another object: as after a restart
    counts = {
        code: gave.value("pacs_orthanc_received_studies_total", dicom_modality=code) for code in ("CT", "MR", "other")
    }
    assert counts == {"CT": 1, "MR": 2, "other": 1}
    assert gave.value("pacs_orthanc_received_instances_total") == 4
    grown = (gave.value("pacs_orthanc_disk_bytes") or 0) - disk
    assert gave.value("pacs_orthanc_received_bytes_total") == grown > 0
    assert (await look(check_of(orthanc.url, memory))).value("pacs_orthanc_received_bytes_total") is None


async def test_a_series_is_counted_when_it_has_settled(documented: Documented) -> None:
    check = check_of(documented.url, settled="1h")
    await look(check)
    documented.receive("old", ago=timedelta(hours=2))
    documented.receive("young", ago=timedelta(minutes=5))
    assert (await look(check)).value("pacs_orthanc_received_studies_total") == 1
    assert (await look(check)).value("pacs_orthanc_received_studies_total") is None


async def test_a_synthetic_study_that_is_gone_again_is_not_counted(orthanc: peers.Orthanc) -> None:
    check = check_of(orthanc.url)
    await look(check)
    store(orthanc, "1")
    orthanc.clear()
    store(orthanc, "2")
    assert (await look(check)).value("pacs_orthanc_received_studies_total") == 1


async def test_no_run_reads_more_than_its_share_and_the_next_goes_on(
    documented: Documented, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "MOST_SERIES", 3)
    monkeypatch.setattr(growth, "PAGE", 5)
    check = check_of(documented.url)
    await look(check)
    for number in range(8):
        documented.receive(f"s{number}")
    counted = []
    for _ in range(4):
        documented.asked.clear()
        counted.append((await look(check)).value("pacs_orthanc_received_studies_total"))
        assert sum(path.startswith("/series/") for path in documented.asked) <= 2 * 3
    assert counted == [3, 3, 2, None]


async def test_a_series_that_cannot_be_read_does_not_hold_up_the_others(documented: Documented) -> None:
    check = check_of(documented.url)
    await look(check)
    documented.answers["/series/CT-bad"] = (500, "{}")
    documented.receive("bad")
    documented.receive("good")
    gave = await look(check)
    assert gave.failure is None
    assert gave.value("pacs_orthanc_received_studies_total") == 1


async def test_a_newer_orthanc_is_asked_for_new_series_and_studies_alone(documented: Documented) -> None:
    documented.system["Capabilities"] = {"HasExtendedChanges": True}
    check = check_of(documented.url)
    await look(check)
    documented.receive("s", "US")
    assert (await look(check)).value("pacs_orthanc_received_studies_total", dicom_modality="US") == 1
    assert [path for path in documented.asked if path.endswith("&type=NewSeries;NewStudy")]
