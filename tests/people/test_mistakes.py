"""A row for each mistake in `people`, `on_call` and `notify`, with its whole message."""

from pathlib import Path

import pytest

from tests.people.support import HEAD, PEOPLE, SMTP, complaints, warnings

C = "pacs-monitor.yml"
PEOPLE_LINE = HEAD.count("\n") + 2
AFTER_PEOPLE = HEAD.count("\n") + PEOPLE.count("\n")


@pytest.mark.parametrize(
    ("person", "message"),
    [
        ("{}", "people.x: x cannot be reached; add email: ADDRESS, pager: ADDRESS or webhook: URL"),
        ("{email: nonsense}", "people.x.email: nonsense is no address; write one such as ana@north.example"),
        ("{email: a@b, language: fr}", "people.x.language: fr is none of en, de; write one of them"),
        ("{email: a@b, emial: c@d}", "people.x.emial: there is no such setting; did you mean email?"),
        ("{webhook: chat}", "people.x.webhook: is no URL; it begins with https://"),
        (
            "{webhook: https://chat/hook, template: tems}",
            "people.x.template: there is no template tems for what this receiver sends; write tems.json.j2 into a "
            "folder of alerting.templates, or use generic, pagerduty, slack, teams",
        ),
        (
            "{webhook: https://chat/hook, template: pagerduty}",
            "people.x.secrets: the template pagerduty takes the secret routing_key; add routing_key: {file: PATH}",
        ),
        (
            "{pager: a@b, template: teams}",
            "people.x.template: is for mails and posts; add email or webhook, or leave it out",
        ),
        ("{email: a@b, secrets: {k: {text: x}}}", "people.x.secrets: are for posts; add webhook, or leave them out"),
    ],
)
def test_of_a_person(person: str, message: str, tmp_path: Path) -> None:
    assert complaints(tmp_path, f"{HEAD}people:\n  x: {person}\n") == [f"{C}:{PEOPLE_LINE}: {message}"]


@pytest.mark.parametrize("name", ["next", "everyone", "on_call.x"])
def test_a_name_that_notify_has_a_meaning_for(name: str, tmp_path: Path) -> None:
    assert complaints(tmp_path, f"{HEAD}people:\n  {name}: {{email: a@b}}\n") == [
        f"{C}:{PEOPLE_LINE}: people.{name}: {name} has a meaning of its own in notify; choose another name"
    ]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("{rotation: []}", "rotation: has 0 entries; write at least 1"),
        ("{rotation: [anna, dan]}", "rotation[0]: there is nobody called anna in people; did you mean ana?"),
        (
            "{rotation: [ana, dan], changes: monday}",
            "changes: monday is no time at which the rotation turns; write for example monday 08:00, or 08:00 for "
            "every day",
        ),
        (
            "{rotation: [ana, dan], changes: noday 08:00}",
            "changes: noday 08:00 is no time at which the rotation turns; write for example monday 08:00, or 08:00 "
            "for every day",
        ),
        ("{rotation: ana, starts: soon}", "starts: soon is not a date; write it as 2026-12-31"),
        (
            "{rotation: ana, overrides: [{person: dann, from: 2026-12-24, to: 2026-12-27}]}",
            "overrides[0].person: there is nobody called dann in people; did you mean dan?",
        ),
        (
            "{rotation: ana, overrides: [{person: dan, from: 2026-12-27, to: 2026-12-24}]}",
            "overrides[0].to: 2026-12-24 ends it before it begins (2026-12-27); correct one of the two",
        ),
        (
            "{rotation: ana, overrides: [{person: dan, from: 2026-12-27 10:00, to: 2026-12-27T10:00}]}",
            "overrides[0].to: 2026-12-27 10:00 ends it at the time it begins; correct one of the two",
        ),
        (
            "{rotation: ana, overrides: [{person: dan, from: tomorrow, to: 2026-12-27}]}",
            "overrides[0].from: tomorrow is no date; write it as 2026-12-24, or 2026-12-24 18:00",
        ),
        (
            "{rotation: ana, overrides: [{person: dan, from: 2026-12-24, to: 2026-12-27}, "
            "{person: eva, from: 2026-12-27 18:00, to: 2026-12-28}]}",
            "overrides[1].from: overlaps with that of dan from 2026-12-24 to 2026-12-27 (line 12); have one end "
            "before the other begins",
        ),
    ],
)
def test_of_who_is_on_call(plan: str, message: str, tmp_path: Path) -> None:
    text = HEAD + PEOPLE + f"  x: {plan}\n"
    assert complaints(tmp_path, text) == [f"{C}:{AFTER_PEOPLE + 1}: on_call.x.{message}"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{}", "to: is missing; add it: who is told: people, on_call.NAME for who is on call, or everyone"),
        ("{to: []}", "to: names nobody; write for example to: on_call.NAME"),
        ("{to: anna}", "to: there is nobody called anna; did you mean ana?"),
        ("{to: pacs}", "to: there is nobody called pacs; for the rotation of that name write on_call.pacs"),
        ("{to: [ana, on_call.pcs]}", "to[1]: there is no rotation pcs in on_call; did you mean pacs?"),
        ("{to: next}", "to: next is whom a rule escalates to; write on_call.NAME, and next in escalate"),
        ("{to: eva, by: pager}", "by: eva has no pager; add pager: ADDRESS in line 9, or take pager out"),
        ("{to: ana, by: [email, webhook]}", "by: ana has no webhook; add webhook: URL in line 7, or take webhook out"),
        ("{to: [ana, eva], by: webhook}", "by: ana has no webhook; add webhook: URL in line 7, or take webhook out"),
        (
            "{to: [on_call.pacs, eva], by: [pager, webhook]}",
            "by: eva has no pager and no webhook; add pager: ADDRESS "
            "and webhook: URL in line 9, or take pager and webhook out",
        ),
        ("{to: ana, by: fax}", "by: fax is none of email, pager, webhook; write one of them"),
        ("{to: ana, hours: clinc}", "hours: there are no hours clinc; did you mean clinic?"),
        (
            "{to: ana, match: role}",
            'match: role is no matcher; write a label, an operator and a value: alertname="Down" or node=~"ct.*"',
        ),
        (
            "{to: ana, escalate: [{after: 5m, to: next}]}",
            "escalate[0].to: the rule tells nobody on call, so there is no next; have it tell on_call.NAME",
        ),
        (
            "{to: on_call.alone, escalate: [{after: 5m, to: next}]}",
            "escalate[0].to: dan is alone in on_call.alone, so there is no next; add others, or name one",
        ),
        (
            "{to: ana, escalate: [{after: 5m, to: dan}, {after: 5m, to: eva}]}",
            "escalate[1].after: 5m is not after the step before (5m); sort them",
        ),
        (
            "{to: ana, escalate: [{after: 0s, to: dan}]}",
            "escalate[0].after: is not longer than 0s; write for example 5m",
        ),
        (
            "{to: ana, by: pager, escalate: [{after: 5m, to: eva}]}",
            "escalate[0].to: eva has no pager; add pager: ADDRESS in line 9, or take pager out",
        ),
        (
            '{to: ana, digest: "07:30", escalate: [{after: 5m, to: dan}]}',
            "digest: tells once a day, so that nothing can escalate; remove one of the two",
        ),
        ("{to: ana, digest: 7h}", 'digest: 7h is not a time of day; write for example "07:30"'),
        (
            "{to: ana, group_by: [a b]}",
            "group_by[0]: a b is no name of a label; use letters, digits and '_', first a letter",
        ),
        ("{to: ana, repeat_interval: 0s}", "repeat_interval: is not longer than 0s; write for example 5m"),
    ],
)
def test_of_a_rule(rule: str, message: str, tmp_path: Path) -> None:
    text = f"{HEAD}{PEOPLE}  alone: {{rotation: dan}}\n{SMTP}  rules:\n    - {rule}\n"
    line = text.count("\n")
    assert complaints(tmp_path, text) == [f"{C}:{line}: notify.rules[0].{message}"]


def test_hours_of_which_there_are_none_at_all(tmp_path: Path) -> None:
    head = HEAD.replace('hours: {clinic: {days: mon-fri, from: "07:00", to: "20:00", closed: [2026-01-06]}}\n', "")
    text = f"{head}{PEOPLE}{SMTP}  rules: [{{to: ana, hours: clinic}}]\n"
    assert complaints(tmp_path, text) == [
        f"{C}:13: notify.rules[0].hours: there are no hours clinic; "
        'add hours: {clinic: {days: mon-fri, from: "07:00", to: "18:00"}} beside notify'
    ]


def test_mail_without_a_server_that_takes_it(tmp_path: Path) -> None:
    text = f"{HEAD}{PEOPLE}notify:\n  rules:\n    - {{to: ana}}\n"
    assert complaints(tmp_path, text) == [
        f"{C}:13: notify.smtp: is missing, and the rule in line 14 tells people by mail; "
        "add smtp: {host: MAIL-SERVER, from: ADDRESS}"
    ]


@pytest.mark.parametrize(
    ("smtp", "message"),
    [
        ("host: 'mail:x', from: a@b", "host: x is not a TCP port (1 to 65535)"),
        (
            "host: 'http://mail', from: a@b",
            "host: http://mail is no mail server; write its name or address, and a port if it is not 25, as in "
            "mail.north.example:587",
        ),
        ("host: mail", "from: is missing; add it: the address that mails come from"),
        ("host: mail, from: a@b, username: u", "username: has no password beside it; add password_file: FILE"),
        ("host: mail, from: a@b, password: x", "password: has no username beside it; add username: NAME"),
    ],
)
def test_of_the_mail_server(smtp: str, message: str, tmp_path: Path) -> None:
    text = f"{HEAD}{PEOPLE}notify:\n  smtp: {{{smtp}}}\n  rules: [{{to: ana}}]\n"
    assert complaints(tmp_path, text) == [f"{C}:13: notify.smtp.{message}"]


def test_all_are_told_at_once_and_what_follows_from_a_section_that_is_misspelt_is_not(tmp_path: Path) -> None:
    text = HEAD + PEOPLE.replace("people:", "peple:") + SMTP + "  rules:\n    - {to: ana, by: fax, hours: x}\n"
    assert complaints(tmp_path, text) == [
        f"{C}:6: peple: there is no such setting; did you mean people?",
        f"{C}:15: notify.rules[0].by: fax is none of email, pager, webhook; write one of them",
        f"{C}:15: notify.rules[0].hours: there are no hours x; there is clinic",
    ]


def test_an_alertmanager_file_beside_notify(tmp_path: Path) -> None:
    (tmp_path / "am.yml").write_text("route: {receiver: r}\nreceivers: [{name: r}]")
    text = f"{HEAD}{PEOPLE}{SMTP}  rules: [{{to: ana}}]\nalerting: {{routes: am.yml}}\n"
    assert complaints(tmp_path, text) == [
        f"{C}:15: alerting.routes: an Alertmanager file and `notify` both say who is told; keep one of the two"
    ]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("[]", "14: notify.rules: has none, so nobody is told; add - {to: NAME}"),
        (
            "[{severity: [critical, warning], to: ana}]",
            "14: notify.rules: nobody is told of alerts of severity info; add a rule that takes them, or {to: NAME} "
            "as the last",
        ),
        (
            "[{to: ana}, {severity: critical, to: dan}]",
            "14: notify.rules[1]: no alert comes here: a rule above takes all of them; move this one up",
        ),
        ("[{match: role=archive, to: ana}, {to: dan}]", ""),
        ("[{to: [ana, eva], by: [email, pager]}]", ""),
    ],
)
def test_what_is_probably_not_meant(rules: str, message: str, tmp_path: Path) -> None:
    found = warnings(tmp_path, f"{HEAD}{PEOPLE}{SMTP}  rules: {rules}\n")
    assert found == ([f"{C}:{message}"] if message else [])


def test_people_whom_nobody_tells(tmp_path: Path) -> None:
    assert warnings(tmp_path, HEAD + PEOPLE) == [
        f"{C}:6: people: is read, but nobody is told of anything; add notify with rules",
        f"{C}:10: on_call: is read, but nobody is told of anything; add notify with rules",
    ]


def test_without_an_external_url_there_are_no_links(tmp_path: Path) -> None:
    text = HEAD.replace("external_url", "# external_url") + PEOPLE + SMTP + "  rules: [{to: ana}]\n"
    assert warnings(tmp_path, text) == [
        f"{C}:12: notify: what people are told has no link to acknowledge by, as external_url is not set; set it"
    ]
