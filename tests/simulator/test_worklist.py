from datetime import date, datetime, timedelta

from pydicom import Dataset
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at import time
    ModalityWorklistInformationFind,
)

from pacs_monitor.simulator.client import Hospital
from pacs_monitor.simulator.worklist import entries
from tests.simulator.scu import echo, find


def scheduled(modality: str = "", day: date | None = None) -> Dataset:
    step = Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = ""
    step.ScheduledProcedureStepStartDate = day.strftime("%Y%m%d") if day else ""
    keys = Dataset()
    keys.PatientName = ""
    keys.ScheduledProcedureStepSequence = [step]
    return keys


def test_a_modality_gets_its_own_entries_of_today(hospital: Hospital) -> None:
    today = datetime.now().astimezone().date()
    found = find(hospital.nodes["worklist"], ModalityWorklistInformationFind, scheduled("MR", today))
    stations = [entry.ScheduledProcedureStepSequence[0].ScheduledStationAETitle for entry in found]
    assert stations == ["MR1", "MR1"]


def test_another_day_has_no_entries(hospital: Hospital) -> None:
    keys = scheduled(day=date(2001, 1, 1))
    assert find(hospital.nodes["worklist"], ModalityWorklistInformationFind, keys) == []


def test_nobody_could_take_a_patient_of_the_worklist_for_a_real_one() -> None:
    worklist = entries(date(2025, 1, 2))
    assert len(worklist) >= 3
    assert all(str(entry.PatientName).startswith("SYNTHETIC^") for entry in worklist)
    assert all(entry.PatientID.startswith("SIM-") for entry in worklist)
    assert len({entry.StudyInstanceUID for entry in worklist}) == len(worklist)


def test_it_lists_for_the_day_before_and_after_too_where_other_clocks_may_be(hospital: Hospital) -> None:
    today = datetime.now().astimezone().date()
    for days in (-1, 1):
        keys = scheduled("CT", today + timedelta(days=days))
        assert len(find(hospital.nodes["worklist"], ModalityWorklistInformationFind, keys)) == 2


def test_a_node_that_finds_nothing_answers_all_the_same(hospital: Hospital) -> None:
    hospital.order("worklist", "finds_nothing")
    assert find(hospital.nodes["worklist"], ModalityWorklistInformationFind, scheduled()) == []
    assert echo(hospital.nodes["worklist"])
    hospital.order("worklist", "none")
    assert find(hospital.nodes["worklist"], ModalityWorklistInformationFind, scheduled())
