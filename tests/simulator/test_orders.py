from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from pacs_monitor.simulator.client import Hospital, HospitalError
from pacs_monitor.simulator.commands import answered
from pacs_monitor.simulator.disk import Disk
from pacs_monitor.simulator.faults import NODE_FAULTS, Fault, ordered_fault


def order_of_ct1(node: str, fault: str, parameters: Mapping[str, object]) -> None:
    ordered_fault(NODE_FAULTS, fault, parameters)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("slow", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[]", 'an order is an object such as {"node": "ct1", "fault": "slow", "seconds": 2}'),
        ('{"fault": "slow"}', "node: the name of a node is missing"),
        ('{"node": "ct1"}', "fault: the name of a fault is missing"),
        (
            '{"node": "ct1", "fault": "burns"}',
            "no fault 'burns'; there are none, slow, rejects, refuses, silent, aborts, finds_nothing",
        ),
        ('{"node": "ct1", "fault": "slow", "minutes": 1}', "slow takes seconds, not minutes"),
        ('{"node": "ct1", "fault": "silent", "seconds": 1}', "silent takes no parameter, not seconds"),
        ('{"node": "ct1", "fault": "slow", "seconds": -1}', "seconds: -1 is not a number from 0 to 3600"),
        ('{"node": "ct1", "fault": "slow", "seconds": "2"}', "seconds: '2' is not a number from 0 to 3600"),
        ('{"node": "ct1", "fault": "slow", "seconds": NaN}', "seconds: nan is not a number from 0 to 3600"),
        ('{"node": "ct1", "fault": "slow", "seconds": true}', "seconds: True is not a number from 0 to 3600"),
    ],
)
def test_a_wrong_order_is_answered_with_what_is_wrong(line: str, error: str) -> None:
    assert answered(line, order_of_ct1) == {"ok": False, "error": error}


def test_a_right_order_is_answered_with_ok() -> None:
    assert answered('{"node": "ct1", "fault": "slow", "seconds": 2}', order_of_ct1) == {"ok": True}


def test_a_parameter_that_is_left_out_has_its_default() -> None:
    assert ordered_fault(NODE_FAULTS, "slow", {}) == Fault("slow", {"seconds": 3.0})


def test_an_order_for_a_node_that_does_not_exist_names_those_that_do(hospital: Hospital) -> None:
    with pytest.raises(HospitalError) as refused:
        hospital.order("ct9", "slow")
    assert str(refused.value) == ("no node 'ct9'; there are archive, worklist, ct1, mr1, us1, router, disk")


def test_a_disk_fills_and_is_emptied_for_all_to_see(hospital: Hospital) -> None:
    if hospital.disk is None:
        pytest.skip("this process may not mount a file system")
    for fault, percent in [("none", 40), ("fills", 97), ("none", 40)]:
        hospital.order("disk", fault)
        assert psutil.disk_usage(str(hospital.disk)).percent == pytest.approx(percent, abs=0.5)
    hospital.order("disk", "fills", used_ratio=0.8)
    assert psutil.disk_usage(str(hospital.disk)).percent == pytest.approx(80, abs=0.5)


def test_where_nothing_can_be_mounted_the_disk_is_a_file_of_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    disk = Disk(tmp_path)
    assert not disk.is_real
    disk.set_fault(Fault("fills", {"used_ratio": 0.75}))
    assert (tmp_path / "disk" / "usage.json").read_text() == '{"total": 16777216, "used": 12582912}\n'
    assert [file.name for file in disk.path.iterdir()] == ["usage.json"]
    disk.close()
