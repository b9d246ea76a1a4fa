"""What one part of `people`, `on_call` and `notify` says of another: names that must exist, times in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from zoneinfo import ZoneInfo

from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Map, Place, Value, below, is_null
from pacs_monitor.people.checking_rules import check_rules
from pacs_monitor.people.oncall import stretches
from pacs_monitor.people.settings import EVERYONE, NEXT, ON_CALL, Override, Person
from pacs_monitor.people.written import Part, Written


def check_people(
    written: Written, root: Map, hours: Collection[str], severities: Collection[str], zone: ZoneInfo, findings: Findings
) -> None:
    """Complain of all that is wrong; `severities` are those that alerts can have."""
    for name, person in written.people.items():
        _check_person(name, person, below(_section(root, "people"), name), findings)
    for name in written.on_call:
        _check_rotation(name, written, zone, findings)
    if written.notify is None:
        _warn_of_the_unused(root, findings)
        return
    check_rules(written, hours, severities, findings)
    _check_smtp(written, findings)


def check_person_name(name: str, place: Place | Value, written: Written, findings: Findings) -> bool:
    """Complain of a name that is nobody's; whether it is somebody's."""
    if name in written.people or findings.unread.may_hold(name):
        return True
    findings.complain(place, f"there is nobody called {name} in people; {suggestion(name, written.people)}")
    return False


def _section(root: Map, name: str) -> Map:
    section = root.get(name)
    assert isinstance(section, Map)
    return section


def _check_person(name: str, person: Part[Person], place: Place, findings: Findings) -> None:
    if name in (NEXT, EVERYONE) or name.startswith(ON_CALL):
        findings.complain(place, f"{name} has a meaning of its own in notify; choose another name")
    told = person.settings
    if not (told.email or told.pager or told.webhook or person.wrong):
        findings.complain(place, f"{name} cannot be reached; add email: ADDRESS, pager: ADDRESS or webhook: URL")
    address = told.webhook.get_secret_value() if told.webhook else "https://"
    if not address.startswith(("http://", "https://")):
        key = "webhook_file" if told.webhook_file else "webhook"
        findings.complain(person.place(key), "is no URL; it begins with https://")
    if told.template and not (told.email or told.webhook or person.wrong):
        findings.complain(person.place("template"), "is for mails and posts; add email or webhook, or leave it out")
    if told.secrets and not (told.webhook or person.wrong):
        findings.complain(person.place("secrets"), "are for posts; add webhook, or leave them out")


def _check_rotation(name: str, written: Written, zone: ZoneInfo, findings: Findings) -> None:
    plan = written.on_call[name]
    for place, person in plan.texts("rotation"):
        check_person_name(person, place, written, findings)
    right = []
    for override in written.overrides(name):
        for place, person in override.texts("person"):
            check_person_name(person, place, written, findings)
        if not override.wrong & {"from", "to", "person"} and _is_forward(override, zone, findings):
            right.append(override)
    _check_overlaps(right, zone, findings)


def _is_forward(override: Part[Override], zone: ZoneInfo, findings: Findings) -> bool:
    (stretch,) = stretches([override.settings], zone)
    if stretch.end > stretch.start:
        return True
    told = override.settings
    same = "at the time it begins" if stretch.end == stretch.start else f"before it begins ({told.from_})"
    findings.complain(override.place("to"), f"{told.to} ends it {same}; correct one of the two")
    return False


def _check_overlaps(overrides: Iterable[Part[Override]], zone: ZoneInfo, findings: Findings) -> None:
    found = [(stretches([one.settings], zone)[0], one) for one in overrides]
    found.sort(key=lambda pair: pair[0])
    for place, (stretch, one) in enumerate(found):
        before = next((each for other, each in found[:place] if other.end > stretch.start), None)
        if before is not None:
            told = before.settings
            findings.complain(
                one.place("from"),
                f"overlaps with that of {told.person} from {told.from_} to {told.to} (line {before.tree.line}); "
                f"have one end before the other begins",
            )


def _check_smtp(written: Written, findings: Findings) -> None:
    assert written.notify is not None
    smtp = written.notify.settings.smtp
    if smtp is not None:
        tree = written.notify.tree.get("smtp")
        if isinstance(tree, Map):
            if smtp.username and not smtp.password:
                findings.complain(below(tree, "username"), "has no password beside it; add password_file: FILE")
            if smtp.password and not smtp.username:
                key = "password_file" if smtp.password_file else "password"
                findings.complain(below(tree, key), "has no username beside it; add username: NAME")
        return
    if "smtp" in written.notify.wrong or not is_null(written.notify.tree.get("smtp")):
        return
    for rule in written.rules():
        ways = {*rule.settings.by, *(way for step in written.steps(rule) for way in step.settings.by)}
        if ways & {"email", "pager"}:
            findings.complain(
                written.notify.place("smtp"),
                f"is missing, and the rule in line {rule.tree.line} tells people by mail; "
                "add smtp: {host: MAIL-SERVER, from: ADDRESS}",
            )
            return


def _warn_of_the_unused(root: Map, findings: Findings) -> None:
    for section in ("people", "on_call"):
        if not is_null(root.get(section)) and is_null(root.get("notify")):
            findings.warn(below(root, section), "is read, but nobody is told of anything; add notify with rules")
