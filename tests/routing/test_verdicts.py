"""A file that `amtool check-config` takes we take, and the other way round, save what is named here."""

from __future__ import annotations

from pathlib import Path

import pytest

from pacs_monitor.routing.routefile import read_routes
from pacs_monitor.routing.tree import shown_tree
from tests.routing.amtool import drawn, verdict
from tests.routing.reading import MAIL, PLAIN, RECEIVER, read


def route(settings: str) -> str:
    return f"route: {{receiver: r, {settings}}}\n{RECEIVER}time_intervals: [{{name: n}}]\n"


def below(settings: str) -> str:
    return route(f"routes: [{{{settings}}}]")


def webhook(settings: str) -> str:
    return f"route: {{receiver: r}}\nreceivers: [{{name: r, webhook_configs: [{{{settings}}}]}}]\n"


def http(settings: str) -> str:
    return webhook(f"url: 'http://h', http_config: {{{settings}}}")


def mail(settings: str) -> str:
    return f"route: {{receiver: r}}\nreceivers: [{{name: r, email_configs: [{{{settings}}}]}}]\n"


def shared(settings: str) -> str:
    return f"global: {{{settings}}}\n{PLAIN}"


def interval(settings: str) -> str:
    return f"{PLAIN}time_intervals: [{{name: n, time_intervals: [{{{settings}}}]}}]\n"


def inhibition(settings: str) -> str:
    return f"{PLAIN}inhibit_rules: [{{{settings}}}]\n"


BOTH_TAKE = [
    PLAIN,
    f"global:\n{PLAIN}",
    f"templates: [a.tmpl]\n{PLAIN}",
    f"{PLAIN}mute_time_intervals: [{{name: n}}]\ntime_intervals: [{{name: m, time_intervals: []}}]\n",
    *map(
        route,
        [
            "group_by: ['...']",
            "group_by: ['...', '...']",
            "group_by: []",
            "group_by: [a, b]",
            "group_wait: 0s",
            "group_wait: 0",
            "group_wait: 1d2h3m4s5ms",
            "matchers: []",
            "match: {}",
            "mute_time_intervals: []",
            "continue: false",
            "routes: [{}]",
            "routes: null",
        ],
    ),
    *map(
        below,
        [
            "continue: yes",
            "continue: Off",
            "receiver: r",
            "receiver: ''",
            "match: {a: , b: 1}",
            "match_re: {a: x.*}",
            "matchers: [a=b, 'c=~\"d|e\"']",
            "matchers: ['']",
            "mute_time_intervals: [n], active_time_intervals: [n]",
        ],
    ),
    *map(
        inhibition,
        [
            "",
            "equal: [a, a]",
            "source_match: {a: b}, target_match: {a: c}",
            "source_match_re: {a: b}",
            "source_matchers: [a=b], target_matchers: ['c!=d']",
        ],
    ),
    *map(
        shared,
        [
            "resolve_timeout: 1h",
            "smtp_smarthost: 'h:25'",
            "smtp_smarthost: '[::1]:25'",
            "smtp_smarthost: ''",
            "smtp_require_tls: n",
            "slack_api_url: 'http://h', pagerduty_url: 'http://h', opsgenie_api_key: k",
            "http_config: {}",
        ],
    ),
    *map(
        webhook, ["url: 'http://h'", "url: 'https://h:1/x?y', max_alerts: 3, send_resolved: no", "url: 'http://[::1]'"]
    ),
    *map(
        http,
        [
            "basic_auth: {username: u}",
            "basic_auth: {username: u, password: p}",
            "bearer_token: t",
            "authorization: {type: T, credentials: c}",
            "authorization: {credentials: c}",
            "tls_config: {}",
            "tls_config: {min_version: TLS12, server_name: n}",
            "proxy_url: 'http://p'",
            "follow_redirects: no, enable_http2: off",
        ],
    ),
    *map(
        mail, [MAIL, f"{MAIL}, headers: {{A: b}}, html: '', text: t", f"{MAIL}, require_tls: false, auth_password: p"]
    ),
    f"global: {{smtp_smarthost: 'h:25', smtp_from: a@b}}\n{mail('to: c@d')}",
    *map(
        interval,
        [
            "",
            "times: []",
            "times: [{start_time: 09:00, end_time: 24:00}]",
            "weekdays: [monday, 'Tuesday:FRIDAY']",
            "weekdays: ['sunday:saturday']",
            "days_of_month: [1, '-1', '1:31', '-3:-1', '1:-1', '27:-1']",
            "months: [march, 3, '3:May', 'december']",
            "years: [2020, '2020:2030', -5]",
            "location: UTC",
            "location: Europe/Bucharest",
            "location: ''",
        ],
    ),
]

BOTH_REFUSE = [
    "",
    "route:\n",
    "- a\n",
    RECEIVER,
    "route: {receiver: r}",
    f"route: {{}}\n{RECEIVER}",
    f"route: {{receiver: s}}\n{RECEIVER}",
    f"{PLAIN}receivers: []\n",
    f"{PLAIN}global: 5\n",
    f"{PLAIN}templates: a\n",
    f"{PLAIN}other: 1\n",
    "route: {receiver: r}\nreceivers: [{name: r}, {name: r}]",
    "route: {receiver: r}\nreceivers: [{name: r}, {}]",
    "route: {receiver: r}\nreceivers: [{name: r, carrier_pigeon_configs: []}]",
    f"{PLAIN}time_intervals: [{{name: a}}, {{name: a}}]",
    f"{PLAIN}time_intervals: [{{name: a}}]\nmute_time_intervals: [{{name: a}}]",
    f"{PLAIN}time_intervals: [{{time_intervals: []}}]",
    *map(
        route,
        [
            "matchers: [a=b]",
            "match: {a: b}",
            "match_re: {a: b}",
            "continue: true",
            "mute_time_intervals: [n]",
            "active_time_intervals: [n]",
            "group_by: [a, a]",
            "group_by: [a, '...']",
            "group_by: ['']",
            "group_by: a",
            "group_interval: 0s",
            "repeat_interval: 0",
            "group_wait: ''",
            "group_wait: -5m",
            "group_wait: 5",
            "group_wait: 1h1d",
            "colour: red",
        ],
    ),
    *map(
        below,
        [
            "receiver: s",
            "continue: maybe",
            "matchers: a=b",
            "matchers: [a]",
            "matchers: ['a=b\"']",
            "matchers: ['a=~(']",
            "match: {a-b: c}",
            "match: [a]",
            "match_re: {a: (}",
            "match_re: {a: }",
            "mute_time_intervals: [m]",
            "active_time_intervals: [m]",
        ],
    ),
    *map(
        inhibition,
        ["source_match: {a-b: c}", "equal: ['']", "source_match_re: {a: (}", "target_match: a", "target_matchers: [a]"],
    ),
    *map(
        shared,
        [
            "resolve_timeout: 5",
            "smtp_smarthost: h",
            "smtp_smarthost: '::1:25'",
            "smtp_require_tls: maybe",
            "smtp_auth_password: a, smtp_auth_password_file: b",
            "colour: red",
        ],
    ),
    *map(
        webhook,
        [
            "",
            "url: 'ftp://h'",
            "url: 'http://'",
            "url: h",
            "url: 'http://h', max_alerts: -1",
            "url: 'http://h', max_alerts: few",
            "url: 'http://h', send_resolved: 0",
        ],
    ),
    *map(
        http,
        [
            "basic_auth: {username: u, password: p, password_file: f}",
            "basic_auth: {username: u}, bearer_token: t",
            "basic_auth: {username: u}, authorization: {credentials: c}",
            "bearer_token: t, bearer_token_file: f",
            "authorization: {type: Basic, credentials: c}",
            "authorization: {credentials: c}, bearer_token: t",
            "tls_config: {min_version: 1.2}",
            "colour: red",
        ],
    ),
    *map(
        mail,
        ["to: a@b", "smarthost: 'h:25', to: a@b", "smarthost: 'h:25', from: a@b", f"{MAIL}, headers: {{A: b, a: c}}"],
    ),
    *map(
        interval,
        [
            "times: [{start_time: '9:00', end_time: '10:00'}]",
            "times: [{start_time: '22:00', end_time: '06:00'}]",
            "times: [{start_time: '09:00', end_time: '09:00'}]",
            "times: [{start_time: '09:00'}]",
            "times: [{start_time: '09:00', end_time: '24:01'}]",
            "weekdays: [mon]",
            "weekdays: ['saturday:sunday']",
            "weekdays: ['monday:']",
            "weekdays: ['monday:tuesday:friday']",
            "weekdays: monday",
            "days_of_month: [0]",
            "days_of_month: [32]",
            "days_of_month: ['-1:-3']",
            "days_of_month: ['5:1']",
            "days_of_month: ['-5:3']",
            "days_of_month: ['28:-1']",
            "months: [jan]",
            "months: ['may:march']",
            "months: ['1 : 3']",
            "years: [x]",
            "years: ['2020:2019']",
            "location: Nowhere",
            "time_zone: UTC",
        ],
    ),
]

ONLY_WE_TAKE = {
    "newer than Debian's Alertmanager: names of labels in UTF-8": [
        below("matchers: ['\"a b\"=c']"),
        inhibition("equal: ['a b']"),
        route("group_by: ['a b']"),
    ],
    "newer than it: settings": [
        webhook("url: 'http://h', timeout: 5s"),
        webhook("url_file: url"),
        http("http_headers: {X-A: {values: [b]}}"),
        http("proxy_url: 'http://p', no_proxy: n"),
        http("proxy_from_environment: true"),
        mail(f"{MAIL}, force_implicit_tls: true, threading: {{enabled: true}}"),
        inhibition("name: n"),
        shared("telegram_bot_token: t"),
        shared("smtp_tls_config: {insecure_skip_verify: true}"),
        f"tracing: {{}}\n{PLAIN}",
    ],
    "newer than it: kinds of receivers": [
        "route: {receiver: r}\nreceivers: [{name: r}, {name: s, msteams_configs: [{webhook_url: 'http://h'}]}]",
    ],
    "settings of receivers that are not sent are not looked at": [
        "route: {receiver: r}\nreceivers: [{name: r}, {name: s, slack_configs: [{}]}]",
    ],
    "what stands in quotes for a boolean": [below("continue: 'true'")],
}

ONLY_ALERTMANAGER_TAKES = {
    "nothing would be sent": [
        "route: {receiver: r}\nreceivers: [{name: r, slack_configs: [{api_url: 'http://h'}]}]",
        mail("smarthost: 'm:25', from: a@b, to: b"),
        mail("smarthost: 'm:25', from: a@b, to: '{{ .x }}@b'"),
        webhook("url: 'http://h/{{ .x }}'"),
        webhook("url: 'http://h/a b'"),
        http("authorization: {}"),
        http("basic_auth: {}"),
        http("tls_config: {cert_file: c}"),
        http("tls_config: {ca_file: missing}"),
        http("basic_auth: {username: u, password_file: missing}"),
        mail(f"{MAIL}, auth_password_file: missing"),
        mail(f"{MAIL}, headers: {{'a b': c}}"),
        shared("smtp_smarthost: ':25'"),
        shared("smtp_smarthost: 'h:smtp'"),
    ],
    "it is not built here": [
        http("oauth2: {client_id: c, client_secret: s, token_url: t}"),
        http("proxy_url: 'socks5://p'"),
    ],
    "it says nothing": [
        f"{PLAIN}inhibit_rules: [null]",
        interval("months: [13]"),
        interval("location: Local"),
        below("match_re: {a: 'b)(c'}"),
    ],
    "Alertmanager crashes on it": [route("routes: [null]")],
}


def ours(text: str, folder: Path) -> list[str]:
    return [one.message for one in read(text, folder).complaints]


@pytest.mark.parametrize("text", BOTH_TAKE)
def test_both_take_it(text: str, tmp_path: Path) -> None:
    assert ours(text, tmp_path) == []
    assert verdict(tmp_path / "am.yml") == ""


@pytest.mark.parametrize("text", BOTH_REFUSE)
def test_both_refuse_it(text: str, tmp_path: Path) -> None:
    assert ours(text, tmp_path) != []
    assert verdict(tmp_path / "am.yml") != ""


@pytest.mark.parametrize("text", [text for texts in ONLY_WE_TAKE.values() for text in texts])
def test_only_we_take_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://h")
    assert ours(text, tmp_path) == []
    assert verdict(tmp_path / "am.yml") != ""


@pytest.mark.parametrize("text", [text for texts in ONLY_ALERTMANAGER_TAKES.values() for text in texts])
def test_only_alertmanager_takes_it(text: str, tmp_path: Path) -> None:
    assert ours(text, tmp_path) != []
    told = verdict(tmp_path / "am.yml")
    assert told == "" or "panic" in told or "nil pointer" in told


def test_what_is_shown_of_a_file_is_one_that_alertmanager_takes_and_holds_no_secret(tmp_path: Path) -> None:
    text = """
# a comment may hold a hidden password
global:
  smtp_smarthost: "m:25"
  smtp_from: 'Ann "A" <a@b>'
  smtp_auth_password: hidden
  slack_api_url: https://hooks.example/hidden
  opsgenie_api_key: hidden
  resolve_timeout: 5m
route:
  receiver: r
  routes:
  - {matchers: ['a=~"x: y|#"', "b=yes", "null=~'-'"], continue: yes, group_by: [a, "null"]}
  - match: {a: "- no: text", b: 'null', c: ""}
receivers:
- name: r
  webhook_configs:
  - url: https://u:hidden@chat.example:81/hidden?hidden
    http_config: {basic_auth: {username: u, password: hidden}, proxy_url: "http://u:hidden@p"}
    max_alerts: 3
  email_configs: [{to: a@b, headers: {X: "é "}, auth_secret: hidden}]
  pagerduty_configs: [{routing_key: hidden, url: 'http://h', details: {a: b}}]
- {name: s, slack_configs: [{channel: '#c'}], webhook_configs: []}
inhibit_rules: []
"""
    path = tmp_path / "am.yml"
    path.write_text(text)
    found = read_routes(path)
    assert found.routing is not None, found.complaints
    shown = found.routing.original
    assert "hidden" not in shown
    assert "url: https://chat.example:81/<secret>\n" in shown.replace('"', "")
    assert verdict(path) == ""
    before = drawn(path)
    path.write_text(shown)
    assert verdict(path) == ""
    assert drawn(path) == before == shown_tree(found.routing.route)
