"""What an Alertmanager file becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pacs_monitor.routing.definitions import InhibitRule, Receiver, Route, Secret, Tls
from pacs_monitor.routing.intervals import TimeInterval
from pacs_monitor.routing.matching import make_matcher
from pacs_monitor.routing.routefile import read_routes
from tests.routing.reading import MAIL, PLAIN, email, good, read, warnings, webhook

MINUTE, HOUR = 60_000, 3_600_000


def test_what_is_left_out_is_as_in_alertmanager(tmp_path: Path) -> None:
    routing = good(PLAIN, tmp_path)
    assert routing.route == Route("r")
    assert routing.receivers == (Receiver("r"),)
    assert (routing.inhibit_rules, routing.intervals, routing.resolve_timeout) == ((), (), 5 * MINUTE)


def test_a_route_takes_from_its_parent_what_it_leaves_out(tmp_path: Path) -> None:
    root = good(
        """
route:
  receiver: r
  group_by: [b, a]
  group_wait: 1m
  group_interval: 10m
  repeat_interval: 1d2h
  routes:
  - matchers: ['x=1']
    mute_time_intervals: [n]
    active_time_intervals: [m]
    continue: true
    routes:
    - {receiver: s, group_wait: 0s}
    - {group_by: []}
    - {group_by: ['...'], routes: [{}, {group_by: [c]}]}
receivers: [{name: r}, {name: s}]
time_intervals: [{name: n}, {name: m}]
""",
        tmp_path,
    ).route
    (child,) = root.routes
    own, as_parent, alone = child.routes
    assert (child.receiver, child.group_by, child.group_wait) == ("r", ("a", "b"), MINUTE)
    assert (child.group_interval, child.repeat_interval) == (10 * MINUTE, 26 * HOUR)
    assert (child.goes_on, child.mute, child.active) == (True, ("n",), ("m",))
    assert (own.receiver, own.group_wait, own.goes_on, own.mute, own.active) == ("s", 0, False, (), ())
    assert (as_parent.group_by, as_parent.group_all) == (("a", "b"), False)
    assert alone.group_all
    assert [(one.group_all, one.group_by) for one in alone.routes] == [(True, ()), (False, ("c",))]


def test_matchers_of_all_three_kinds_are_joined_and_sorted(tmp_path: Path) -> None:
    root = good(
        """
route:
  receiver: r
  routes:
  - match: {z: 1, b: x}
    match_re: {c: x|y}
    matchers: [a="1", '{a!="1",a=~"2"}']
    routes: [{matchers: ['q="\\n\\""']}]
receivers: [{name: r}]
""",
        tmp_path,
    ).route
    keys = [route.key for route in root.every()]
    first = '{}/{a="1",a!="1",a=~"2",b="x",c=~"^(?:x|y)$",z="1"}'
    assert keys == ["{}", first, first + r'/{q="\n\""}']


def test_inhibition_rules_of_both_kinds_are_read(tmp_path: Path) -> None:
    rules = good(
        f"""{PLAIN}
inhibit_rules:
- {{source_match: {{a: x}}, target_match_re: {{b: y}}, equal: [c, d, c]}}
- {{name: later, source_matchers: [a!=x], target_matchers: ['b=~y', c=]}}
""",
        tmp_path,
    ).inhibit_rules
    assert rules == (
        InhibitRule((make_matcher("=", "a", "x"),), (make_matcher("=~", "b", "^(?:y)$"),), ("c", "d")),
        InhibitRule((make_matcher("!=", "a", "x"),), (make_matcher("=~", "b", "y"), make_matcher("=", "c", ""))),
    )


def test_time_intervals_are_read(tmp_path: Path) -> None:
    routing = good(
        f"""{PLAIN}
mute_time_intervals:
- {{name: always, time_intervals: [{{}}]}}
time_intervals:
- name: night
  time_intervals:
  - times: [{{start_time: 00:00, end_time: 06:30}}, {{start_time: "22:00", end_time: "24:00"}}]
    weekdays: [Monday:friday, sunday]
    days_of_month: [1, '5:7', '-3:-1', '1:-1']
    months: [march, '5:June', 7]
    years: [2026, '2028:2030']
    location: Europe/Bucharest
  - {{location: UTC}}
- name: never
""",
        tmp_path,
    )
    assert dict(routing.intervals) == {
        "always": (TimeInterval(),),
        "night": (
            TimeInterval(
                times=((0, 390), (1320, 1440)),
                weekdays=((1, 5), (0, 0)),
                days_of_month=((1, 1), (5, 7), (-3, -1), (1, -1)),
                months=((3, 3), (5, 6), (7, 7)),
                years=((2026, 2026), (2028, 2030)),
                location="Europe/Bucharest",
            ),
            TimeInterval(),
        ),
        "never": (),
    }


def test_a_mail_takes_from_global_what_it_leaves_out(tmp_path: Path) -> None:
    shared = (
        "global: {smtp_smarthost: '[::1]:587', smtp_from: a@b, smtp_hello: me, smtp_auth_username: u, "
        "smtp_auth_password: p, smtp_auth_secret: s, smtp_auth_identity: i, smtp_require_tls: no, "
        "smtp_force_implicit_tls: true, smtp_tls_config: {server_name: n}}\n"
    )
    mail = email("to: 'Ann <c@d>, e@f'", tmp_path, shared)
    assert (mail.host, mail.port, mail.sender, mail.to) == ("::1", 587, "a@b", "Ann <c@d>, e@f")
    assert (mail.hello, mail.username, mail.identity, mail.require_tls) == ("me", "u", "i", False)
    assert (mail.password, mail.secret, mail.tls) == (Secret("p"), Secret("s"), Tls(server_name="n"))
    assert (mail.implicit_tls, mail.send_resolved) == (True, False)
    own = email(
        f"{MAIL}, hello: you, auth_username: v, auth_password: q, auth_secret: t, auth_identity: j, require_tls: yes, "
        "tls_config: {insecure_skip_verify: true}, send_resolved: true, headers: {subject: Hi, X-Site: north}",
        tmp_path,
        shared,
    )
    assert (own.host, own.port, own.sender, own.hello, own.username) == ("m", 25, "a@north.example", "you", "v")
    assert (own.password, own.secret, own.identity) == (Secret("q"), Secret("t"), "j")
    assert (own.require_tls, own.tls, own.send_resolved) == (True, Tls(insecure_skip_verify=True), True)
    assert own.headers == (("X-Site", "north"), ("subject", "Hi"))
    assert email(MAIL, tmp_path).hello == "localhost"


def test_a_webhook_takes_all_of_its_settings(tmp_path: Path) -> None:
    for name in ("token", "header"):
        (tmp_path / name).write_text(f"{name} of a file\n")
    one = webhook(
        "url: 'https://h/x', max_alerts: 3, timeout: 1m30s, send_resolved: false, http_config: {authorization: "
        "{type: Token, credentials_file: token}, follow_redirects: no, enable_http2: no, proxy_url: 'http://p:3128', "
        "tls_config: {server_name: n, min_version: TLS12}, "
        "http_headers: {X-A: {values: [v], secrets: [s], files: [header]}}}",
        tmp_path,
    )
    assert (one.url, one.max_alerts, one.timeout, one.send_resolved) == (Secret("https://h/x"), 3, 90_000, False)
    assert (one.authorization, one.credentials.read()) == ("Token", "token of a file")
    assert (one.follow_redirects, one.proxy) == (False, "http://p:3128")
    assert one.tls == Tls(server_name="n", min_version="TLS12")
    assert [(name, value.read()) for name, value in one.headers] == [
        ("X-A", "v"),
        ("X-A", "s"),
        ("X-A", "header of a file"),
    ]
    plain = webhook("url: 'http://h'", tmp_path)
    assert (plain.send_resolved, plain.follow_redirects, plain.authorization, plain.timeout) == (True, True, "", 0)


def test_a_webhook_takes_the_http_config_of_global_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    shared = "global: {http_config: {basic_auth: {username: u, password: p}, follow_redirects: false}}\n"
    one = webhook("url: 'http://h'", tmp_path, shared)
    assert (one.username, one.password, one.follow_redirects) == ("u", Secret("p"), False)
    own = webhook("url: 'http://h', http_config: {bearer_token: t}", tmp_path, shared)
    assert (own.username, own.authorization, own.credentials) == ("", "Bearer", Secret("t"))
    assert own.follow_redirects


def test_files_of_secrets_are_read_at_each_use_and_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://h/old\n")
    (tmp_path / "name").write_text("ann\n")
    (tmp_path / "word").write_text("w\n")
    one = webhook("url_file: url, http_config: {basic_auth: {username_file: name, password_file: word}}", tmp_path)
    (tmp_path / "url").write_text("http://h/new\n")
    assert (one.url.read(), one.username, one.password.read()) == ("http://h/new", "ann", "w")


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxy"),
    [
        ("http://chat.north.example/x", "", "http://p:1"),
        ("http://localhost/x", "", "http://p:1"),
        ("http://localhost/x", "other", ""),
        ("http://chat.north.example/x", "north.example", ""),
        ("http://north.example/x", "north.example", ""),
        ("http://north.example/x", ".north.example", "http://p:1"),
        ("http://chat.north.example/x", ".north.example, other", ""),
        ("http://chat.north.example:81/x", "chat.north.example:80", "http://p:1"),
        ("http://chat.north.example:81/x", "chat.north.example:81", ""),
        ("http://chatnorth.example/x", "north.example", "http://p:1"),
        ("http://10.1.2.3/x", "10.0.0.0/8", ""),
        ("http://11.1.2.3/x", "10.0.0.0/8", "http://p:1"),
        ("http://a/x", "*", ""),
    ],
)
def test_no_proxy_says_where_none_is_used(url: str, no_proxy: str, proxy: str, tmp_path: Path) -> None:
    except_for = f", no_proxy: '{no_proxy}'" if no_proxy else ""
    one = webhook(f"url: '{url}', http_config: {{proxy_url: 'http://p:1'{except_for}}}", tmp_path)
    assert one.proxy == proxy


def test_the_environment_can_name_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://p:1")
    monkeypatch.setenv("no_proxy", "south.example")
    http = "http_config: {proxy_from_environment: true}"
    assert webhook(f"url: 'https://north.example', {http}", tmp_path).proxy == "http://p:1"
    assert webhook(f"url: 'https://south.example', {http}", tmp_path).proxy == ""
    assert webhook("url: 'https://north.example'", tmp_path).proxy == ""


def test_what_others_would_send_is_accepted_with_a_warning_that_names_what_takes_its_place(tmp_path: Path) -> None:
    text = f"""
global:
  slack_api_url: https://s/x
templates: [a.tmpl]
tracing: {{}}
route: {{receiver: r}}
receivers:
- name: r
  slack_configs: [{{channel: c}}]
  opsgenie_configs: [{{}}]
  webhook_configs: [{{url: http://h, payload: {{a: b}}}}]
  email_configs:
  - {{{MAIL}, text: t, html: "", headers: {{Subject: "{{{{ .x }}}}"}}, threading: {{enabled: true}}}}
  - {{{MAIL}, html: '{{{{ template "email.default.html" . }}}}'}}
- name: unused
  slack_configs: [{{channel: c}}]
"""
    own = "the agent's own text takes its place, or a Jinja2 template that `alerting.receivers` names"
    assert warnings(text, tmp_path) == [
        "am.yml:3: global.slack_api_url: is for a kind of receiver that this agent does not send; it has no effect",
        "am.yml:4: templates: Go templates are not rendered here; Jinja2 templates take their place "
        "(`alerting.templates`)",
        "am.yml:5: tracing: nothing is traced here; it has no effect",
        "am.yml:9: receivers[0].slack_configs: is not sent by this agent; a webhook with the template slack takes its "
        "place (`alerting.receivers`)",
        "am.yml:10: receivers[0].opsgenie_configs: is not sent by this agent; a webhook with a Jinja2 template of your "
        "own takes its place (`alerting.receivers`)",
        "am.yml:11: receivers[0].webhook_configs[0].payload: is a Go template, which is not rendered here; "
        "Alertmanager's JSON takes its place, or a Jinja2 template that `alerting.receivers` names",
        f"am.yml:13: receivers[0].email_configs[0].text: is a Go template, which is not rendered here; {own}",
        "am.yml:13: receivers[0].email_configs[0].threading: is not used here; mails about the same group refer to one "
        "another in any case",
        "am.yml:13: receivers[0].email_configs[0].headers.Subject: holds a Go template, which is not rendered here; "
        + own,
        "am.yml:16: receivers[1].slack_configs: is not sent by this agent; a webhook with the template slack takes its "
        "place (`alerting.receivers`)",
    ]


def test_empty_lists_in_time_intervals_never_hold_as_in_alertmanager(tmp_path: Path) -> None:
    text = f"{PLAIN}time_intervals: [{{name: n, time_intervals: [{{weekdays: []}}]}}]"
    assert warnings(text, tmp_path) == [
        "am.yml:3: time_intervals[0].time_intervals[0].weekdays: is empty, so this interval never holds; leave it out "
        "to allow any"
    ]
    ((_, (interval,)),) = good(text, tmp_path).intervals
    assert not any(interval.contains(day * 24 * HOUR) for day in range(8))


def test_an_inhibition_rule_for_every_alert_is_told(tmp_path: Path) -> None:
    assert warnings(f"{PLAIN}inhibit_rules: [{{source_matchers: [a=b]}}]", tmp_path) == [
        "am.yml:3: inhibit_rules[0]: has no target_matchers, so every alert is a target; write target_matchers if that "
        "is not meant"
    ]


def test_a_secret_that_looks_like_a_variable_is_told(tmp_path: Path) -> None:
    text = f"route: {{receiver: r}}\nreceivers: [{{name: r, email_configs: [{{{MAIL}, auth_password: '${{WORD}}'}}]}}]"
    assert warnings(text, tmp_path) == [
        "am.yml:2: receivers[0].email_configs[0].auth_password: is taken as it stands, as these files have no "
        "variables; name a file in auth_password_file"
    ]
    assert email(f"{MAIL}, auth_password: '${{WORD}}'", tmp_path).password == Secret("${WORD}")


def test_how_tls_begins_and_its_versions_are_told_where_they_are_not_followed(tmp_path: Path) -> None:
    text = f"""
global: {{smtp_force_implicit_tls: true, smtp_tls_config: {{min_version: TLS12, max_version: TLS13}}}}
route: {{receiver: r}}
receivers:
- name: r
  email_configs:
  - {{{MAIL}}}
  - {{{MAIL.replace(":25", ":465")}, tls_config: {{min_version: TLS13, max_version: TLS12}}}}
"""
    versions = "is not followed: TLS 1.2 and 1.3 are both spoken; have the other side refuse one of them"
    assert warnings(text, tmp_path) == [
        "am.yml:7: receivers[0].email_configs[0].force_implicit_tls: is not followed: TLS begins with the connection "
        "on port 465, and by STARTTLS on others",
        f"am.yml:8: receivers[0].email_configs[1].tls_config.min_version: {versions}",
        f"am.yml:8: receivers[0].email_configs[1].tls_config.max_version: {versions}",
    ]


def test_files_need_not_be_there_if_nobody_is_told(tmp_path: Path) -> None:
    path = tmp_path / "am.yml"
    path.write_text("route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url_file: missing}]}]")
    assert read_routes(path).routing is None
    found = read_routes(path, try_files=False)
    assert found.routing is not None
    assert found.files == (tmp_path / "missing",)


def test_secrets_stand_in_no_message_and_in_no_representation(tmp_path: Path) -> None:
    text = """
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: "gopher://hidden-url"
    http_config: {basic_auth: {username: u, password: hidden-word}, proxy_url: "http://u:hidden-proxy@p ", oauth2: {}}
  - url: "http://hidden-too/{{ x }}"
    http_config: {bearer_token: hidden-token, bearer_token_file: f, tls_config: {key: hidden-key, cert: c}}
"""
    found = read(text, tmp_path)
    assert len(found.complaints) > 5
    assert "hidden" not in repr(found)
