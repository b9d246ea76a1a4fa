import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pacs_monitor.check import Gauge
from pacs_monitor.notify.facts import Facts, facts_of
from tests.hospital import NOW, Site, check, configuration, node

ARCHIVE = node(
    "archive", port=4242, ae_title="ORTHANC", role="archive", importance="critical", notes="hotline 0800 123"
)
CT = node("ct", sends_to=["archive"], reached_through=["switch"])
SWITCH = node("switch")


def site() -> Site:
    checks = [check(ARCHIVE), check(ARCHIVE, "c_find"), check(CT), check(SWITCH), check(None, "disk")]
    return Site(configuration([ARCHIVE, CT, SWITCH], checks))


def facts(site: Site) -> Facts:
    return facts_of(site.results.records, site.confirmation.states, lambda: site.configuration)


def tell(site: Site, **labels: str) -> Mapping[str, Any]:
    return facts(site)({"site": "north", **labels})


def test_what_is_known_of_a_failed_node() -> None:
    made = site()
    made.give("archive", connect=0.0004, associate=0.0021, dns=0.00005)
    made.tick(60)
    made.give("archive", "timeout", "archive does not answer; look at its cable", connect=0.001)
    assert tell(made, alertname="NodeDown", node="archive") == {
        "role": "archive",
        "importance": "critical",
        "address": "10.0.0.1:4242",
        "ae_title": "ORTHANC",
        "notes": "hotline 0800 123",
        "affected": ["ct"],
        "affected_count": 1,
        "check": "c_echo",
        "kind": "c_echo",
        "up": False,
        "reason": "timeout",
        "sentence": "archive does not answer; look at its cable",
        "last_run": round((NOW + 60) * 1000),
        "last_success": round(NOW * 1000),
        "took": 10.0,
        "down_since": round((NOW + 60) * 1000),
        "phases": {"connect": 1.0},
        "failing": ["c_echo"],
    }


def test_phases_are_in_their_order() -> None:
    made = site()
    made.give("archive", associate=0.0021, connect=0.0004, dns=0.00005)
    assert list(tell(made, node="archive")["phases"]) == ["dns", "connect", "associate"]


def test_the_check_that_is_down_explains_a_node() -> None:
    made = site()
    made.up("archive")
    made.give("archive", "threshold", "find takes too long; look at its load", name="c_find")
    told = tell(made, node="archive")
    assert (told["check"], told["reason"]) == ("c_find", "threshold")
    made.down("archive")
    assert tell(made, node="archive")["check"] == "c_echo"
    assert tell(made, node="archive", check="c_find")["check"] == "c_find"


def test_of_a_disk_it_is_known_what_is_free() -> None:
    labels = ("path",)
    names = ("pacs_disk_used_ratio", "pacs_disk_inodes_used_ratio", "pacs_disk_free_bytes")
    disk = replace(check(None, "disk"), metrics=tuple(Gauge(name, "A disk.", labels) for name in names))
    made = Site(configuration([ARCHIVE], [check(ARCHIVE), disk]))
    series: list[Any] = []
    number = made.record("", "disk").number
    for place, (name, path, value) in enumerate(
        [
            ("pacs_disk_used_ratio", "/a", 0.5),
            ("pacs_disk_used_ratio", "/b", 0.616),
            ("pacs_disk_inodes_used_ratio", "/a", 0.1),
            ("pacs_disk_free_bytes", "/a", 9e9),
        ]
    ):
        made.results.define(made, number * 100 + place, number, name, (path,))
        series += [number * 100 + place, value]
    made.results.take(made, (0, number, made.now, 0.01, 0.0, "", "", *series))
    assert tell(made, check="disk")["free"] == 0.384
    made.up("archive")
    assert "free" not in tell(made, node="archive")


def test_who_is_affected_is_reached_through_it_or_sends_to_it() -> None:
    assert tell(site(), node="switch")["affected"] == ["ct"]
    assert "affected" not in tell(site(), node="ct")


def test_of_an_alert_about_a_source_its_own_node_is_told_and_where_it_sends() -> None:
    ct, mr = node("ct", ae_title="CT2", notes="ask Ion", sends_to=["archive"]), node("mr", sends_to=["archive"])
    made = Site(configuration([ARCHIVE, ct, mr], [check(ARCHIVE), check(ct), check(mr)]))
    told = tell(made, node="archive", check="c_echo", source="CT2")
    assert (told["ae_title"], told["notes"], told["affected"]) == ("CT2", "ask Ion", ["archive"])
    told = tell(made, node="archive", check="c_echo", source="XR9")
    assert told["notes"] == "hotline 0800 123"
    assert "affected" not in told


def test_of_a_check_without_node() -> None:
    made = site()
    made.give("", "threshold", "the disk is full; make room", name="disk")
    told = tell(made, check="disk")
    assert told["sentence"] == "the disk is full; make room"
    assert "role" not in told


def test_nothing_is_known_of_others() -> None:
    made = site()
    assert tell(made) == {}
    assert tell(made, node="nobody") == {}
    assert tell(made, check="nothing") == {}
    assert facts(made)({"node": "archive", "site": "south"}) == {}
    assert facts_of({}, {}, lambda: None)({"node": "archive"}) == {}


def test_a_reload_is_followed() -> None:
    made = site()
    told = facts(made)
    assert told({"node": "archive"})["notes"] == "hotline 0800 123"
    other = node("archive", notes="call Dr. North")
    made.configure(configuration([other], [check(other)]))
    assert told({"node": "archive"})["notes"] == "call Dr. North"


def test_facts_can_be_kept_as_json() -> None:
    made = site()
    made.down("archive")
    told = tell(made, node="archive")
    assert json.loads(json.dumps(told)) == told


def test_they_can_be_asked_for_while_results_come_in() -> None:
    made = site()
    ask = facts(made)
    faults: list[BaseException] = []
    end = threading.Event()

    def work() -> None:
        while not end.is_set():
            try:
                ask({"node": "archive"})
            except RuntimeError as error:
                faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(500):
        phases: dict[str, Any] = {f"p{number}": 0.1}
        made.give("archive", **phases)
    end.set()
    for thread in threads:
        thread.join()
    assert faults == []
