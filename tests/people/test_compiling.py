"""What rules of people become: routes, and receivers that depend on the time."""

from pathlib import Path

from pacs_monitor.people.roster import PeopleReceiver
from pacs_monitor.routing.definitions import Email, Route, Webhook
from pacs_monitor.routing.tree import matching
from tests.people.support import HEAD, PEOPLE, SMTP, at, routed

ON_CALL, NEXT = "on_call.pacs by pager+email", "next of on_call.pacs by pager+email"
EVERYONE = "everyone of on_call.pacs by pager+email"


def names(folder: Path, receiver: str, when: str) -> list[str]:
    return [name for name, _ in routed(folder).receiver(receiver).reached(at(when))]


def told(root: Route, **labels: str) -> list[tuple[str, int]]:
    return [(route.receiver, route.minimum_age) for route in matching(root, labels)]


def test_a_rule_is_a_route_and_each_step_of_its_escalation_is_one_before_it(tmp_path: Path) -> None:
    root = routed(tmp_path).route
    assert told(root, severity="critical") == [(NEXT, 600_000), (EVERYONE, 1_800_000), (ON_CALL, 0)]
    assert told(root, severity="warning") == [("on_call.pacs by email", 0)]
    assert told(root, severity="info") == [("ana by email", 0)]
    assert told(root, severity="none") == [("nobody", 0)]
    step = root.routes[0]
    assert (step.goes_on, step.ends_with_ack, step.group_by) == (True, True, ("alertname", "site"))


def test_hours_make_a_route_active_with_days_off_in_the_agents_zone(tmp_path: Path) -> None:
    routing = routed(tmp_path)
    (warning,) = matching(routing.route, {"severity": "warning"})
    assert warning.active == ("clinic",)
    ((name, (clinic,)),) = routing.intervals
    assert name == "clinic"
    inside = [clinic.contains(at(when)) for when in ("2026-01-05 06:59", "2026-01-05 07:00", "2026-01-05 20:00")]
    assert inside == [False, True, False]
    assert not clinic.contains(at("2026-01-06 12:00"))


def test_a_digest_is_of_all_its_alerts_together(tmp_path: Path) -> None:
    (digest,) = matching(routed(tmp_path).route, {"severity": "info"})
    assert (digest.digest, digest.group_by) == ("07:30", ())


def test_who_is_reached_depends_on_the_time(tmp_path: Path) -> None:
    assert names(tmp_path, ON_CALL, "2026-01-05 08:00") == ["pager/ana", "email/ana"]
    assert names(tmp_path, ON_CALL, "2026-01-12 08:00") == ["pager/dan", "email/dan"]
    assert names(tmp_path, NEXT, "2026-01-05 08:00") == ["pager/dan", "email/dan"]
    assert names(tmp_path, EVERYONE, "2026-01-05 08:00") == ["pager/ana", "email/ana", "pager/dan", "email/dan"]
    every = [name for name, _ in routed(tmp_path).receiver(ON_CALL).named()]
    assert every == ["pager/ana", "email/ana", "pager/dan", "email/dan"]


def test_mails_and_texts_say_how_each_is_reached(tmp_path: Path) -> None:
    text = f"""\
{HEAD}{PEOPLE}  night: {{rotation: eva}}
notify:
  smtp: {{host: "mail.north.example:587", from: a@b, username: u, password: pw, hello: us}}
  rules: [{{to: everyone}}, {{to: ana, by: pager}}, {{to: on_call.night}}]
"""
    routing = routed(tmp_path, text)
    ((name, mail),) = list(routing.receiver("on_call.night by email").reached(0))
    assert isinstance(mail, Email)
    assert (name, mail.to, mail.host, mail.port, mail.language) == (
        "email/eva",
        "eva@north.example",
        "mail.north.example",
        587,
        "de",
    )
    assert (mail.username, mail.password.read(), mail.hello, mail.send_resolved) == ("u", "pw", "us", True)
    ((_, text_message),) = list(routing.receiver("ana by pager").reached(0))
    assert isinstance(text_message, Email)
    assert (text_message.to, text_message.style) == ("5551@sms.north.example", "pager")
    assert [name for name, _ in routing.receiver("everyone by email").reached(0)] == [
        "email/ana",
        "email/dan",
        "email/eva",
    ]


def test_a_post_goes_to_a_chat_with_its_template(tmp_path: Path) -> None:
    people = "people:\n  chat: {webhook: https://chat.north.example/x, template: teams}\n"
    routing = routed(tmp_path, f"{HEAD}{people}notify:\n  rules: [{{to: chat, by: webhook}}]\n")
    ((name, post),) = list(routing.receiver("chat by webhook").reached(0))
    assert isinstance(post, Webhook)
    assert (name, post.url.read(), post.template) == ("webhook/chat", "https://chat.north.example/x", "teams")


def test_matchers_and_timers_of_a_rule(tmp_path: Path) -> None:
    what = """severity: [critical, warning], match: 'role=~"archive|router"'"""
    rule = f"{{{what}, to: ana, group_wait: 5s, repeat_interval: 1h}}"
    routing = routed(tmp_path, f"{HEAD}{PEOPLE}{SMTP}  group_by: node\n  rules:\n    - {rule}\n")
    (route,) = routing.route.routes
    assert route.key == '{}/{role=~"archive|router",severity=~"critical|warning"}'
    assert (route.group_wait, route.group_interval, route.repeat_interval) == (5_000, 300_000, 3_600_000)
    assert route.group_by == ("node",)


def test_names_that_others_read(tmp_path: Path) -> None:
    receiver = routed(tmp_path).receiver(ON_CALL)
    assert isinstance(receiver, PeopleReceiver)
    assert receiver.shown("pager/ana") == ("Ana", "pager")
    assert receiver.roster is not None
    assert receiver.roster.shown("eva") == "Dr. Eva Ro"


def test_notify_alone_evaluates_the_rules_that_come_with_the_agent(tmp_path: Path) -> None:
    from tests.people.support import configured

    assert configured(tmp_path, HEAD + PEOPLE + SMTP + "  rules: [{to: ana}]\n").rules
