"""One row for each mistake in an Alertmanager file, with all that is said of it."""
# ruff: noqa: E501  a message is one line, as it is printed

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.routing.reading import complaints


def row(mistake: str, text: str, *messages: str) -> Any:
    return pytest.param(text, list(messages), id=mistake)


MISTAKES = [
    row(
        "an empty file",
        "\n",
        "am.yml:1: is empty; write `route:` with a receiver and `receivers:` below it",
    ),
    row(
        "a list",
        "- a\n",
        "am.yml:1: is no mapping; write `route:` with a receiver and `receivers:` below it",
    ),
    row(
        "no YAML",
        "route: [\n",
        "am.yml:1: opens a bracket that is not closed; close it with ]",
    ),
    row(
        "an unknown section",
        """\
route: {receiver: r}
receivers: [{name: r}]
reciever: []
""",
        "am.yml:3: reciever: there is no such setting; did you mean receivers?",
    ),
    row(
        "no route",
        "receivers: [{name: r}]\n",
        "am.yml:1: route: is missing; write route: and below it receiver: with the name of one",
    ),
    row(
        "a route that is no mapping",
        """\
route: r
receivers: [{name: r}]
""",
        "am.yml:1: route: is a text; write its settings below it, or leave it out",
    ),
    row(
        "no receiver at the root",
        """\
route: {}
receivers: [{name: r}]
""",
        "am.yml:1: route.receiver: is missing; name the receiver of all that no other route takes",
    ),
    row(
        "matchers at the root",
        """\
route:
  receiver: r
  matchers: [a=b]
receivers: [{name: r}]
""",
        "am.yml:3: route.matchers: the first route takes every alert; move the matchers to a route below it",
    ),
    row(
        "times at the root",
        """\
route:
  receiver: r
  mute_time_intervals: [n]
  active_time_intervals: [n]
receivers: [{name: r}]
time_intervals: [{name: n}]
""",
        "am.yml:3: route.mute_time_intervals: the first route is told at any time; move this to a route below it",
        "am.yml:4: route.active_time_intervals: the first route is told at any time; move this to a route below it",
    ),
    row(
        "continue at the root",
        """\
route: {receiver: r, continue: true}
receivers: [{name: r}]
""",
        "am.yml:1: route.continue: there is nothing after the first route; remove it",
    ),
    row(
        "a receiver that there is not",
        """\
route:
  receiver: ops
  routes:
  - receiver: nigth
receivers: [{name: ops}, {name: night}]
""",
        "am.yml:4: route.routes[0].receiver: there is no receiver nigth; did you mean night?",
    ),
    row(
        "a receiver that nothing is sent to",
        """\
route: {receiver: r}
receivers:
- name: r
  slack_configs: [{}]
  opsgenie_configs: [{}]
""",
        "am.yml:1: route.receiver: r has only opsgenie_configs and slack_configs, which this agent does not send; give it a webhook or email",
    ),
    row(
        "an unknown setting of a route",
        """\
route:
  receiver: r
  routes:
  - match_regex: {a: b}
receivers: [{name: r}]
""",
        "am.yml:4: route.routes[0].match_regex: there is no such setting; did you mean match_re?",
    ),
    row(
        "a route that is empty",
        """\
route:
  receiver: r
  routes:
  -
receivers: [{name: r}]
""",
        "am.yml:4: route.routes[0]: is not a route; write its settings",
    ),
    row(
        "no list of routes",
        """\
route: {receiver: r, routes: {}}
receivers: [{name: r}]
""",
        "am.yml:1: route.routes: is a mapping; write a list, each line with -",
    ),
    row(
        "grouping by all and by one",
        """\
route: {receiver: r, group_by: [a, ...]}
receivers: [{name: r}]
""",
        "am.yml:1: route.group_by: '...' stands for all labels; remove it, or the others",
    ),
    row(
        "grouping by a label twice",
        """\
route: {receiver: r, group_by: [a, b, a]}
receivers: [{name: r}]
""",
        "am.yml:1: route.group_by: a stands there twice; remove one",
    ),
    row(
        "grouping by no label",
        """\
route: {receiver: r, group_by: ['', {}]}
receivers: [{name: r}]
""",
        "am.yml:1: route.group_by[1]: is a mapping; write one text",
        "am.yml:1: route.group_by[0]: is empty; name a label",
    ),
    row(
        "grouping by a text",
        """\
route: {receiver: r, group_by: alertname}
receivers: [{name: r}]
""",
        "am.yml:1: route.group_by: is a text; write a list, each line with -",
    ),
    row(
        "timers",
        """\
route:
  receiver: r
  group_wait: 5
  group_interval: 0s
  repeat_interval: [4h]
receivers: [{name: r}]
""",
        "am.yml:3: route.group_wait: 5 has no unit; write 5s for 5 seconds",
        "am.yml:4: route.group_interval: is 0; write for example 5m",
        "am.yml:5: route.repeat_interval: is a list; write a duration, for example 5m",
    ),
    row(
        "a boolean",
        """\
route: {receiver: r, routes: [{continue: maybe}, {continue: []}]}
receivers: [{name: r}]
""",
        "am.yml:1: route.routes[0].continue: is maybe; write true or false",
        "am.yml:1: route.routes[1].continue: is a list; write true or false",
    ),
    row(
        "matchers that are none",
        """\
route:
  receiver: r
  routes:
  - matchers:
    - node
    - a=~"("
    - a="b
    - {a: b}
receivers: [{name: r}]
""",
        'am.yml:5: route.routes[0].matchers[0]: node is no matcher; write a label, an operator and a value: alertname="Down" or node=~"ct.*"',
        "am.yml:6: route.routes[0].matchers[1]: a=~(: missing ): (; write a regular expression of RE2",
        'am.yml:7: route.routes[0].matchers[2]: a="b has a lone quote in its value; write \\" for one that belongs to it',
        "am.yml:8: route.routes[0].matchers[3]: is a mapping; write one text",
    ),
    row(
        "matchers in one text",
        """\
route: {receiver: r, routes: [{matchers: 'a=b'}]}
receivers: [{name: r}]
""",
        "am.yml:1: route.routes[0].matchers: is a text; write a list, each line with -",
    ),
    row(
        "older matchers",
        """\
route:
  receiver: r
  routes:
  - match:
      a-b: c
      d: [e]
    match_re:
      f: (
      g:
receivers: [{name: r}]
""",
        "am.yml:5: route.routes[0].match.a-b: a-b cannot be written so; use matchers, with the name in quotes",
        "am.yml:6: route.routes[0].match.d: is a list; write one text",
        "am.yml:8: route.routes[0].match_re.f: f=~(: missing ): (; write a regular expression of RE2",
        "am.yml:9: route.routes[0].match_re.g: holds no regular expression; write one, or remove the line",
    ),
    row(
        "a time interval that there is not",
        """\
route: {receiver: r, routes: [{mute_time_intervals: [nights], active_time_intervals: [day]}]}
receivers: [{name: r}]
time_intervals: [{name: night}]
""",
        "am.yml:1: route.routes[0].mute_time_intervals[0]: there is no time interval nights; did you mean night?",
        "am.yml:1: route.routes[0].active_time_intervals[0]: there is no time interval day; there is night",
    ),
    row(
        "inhibition",
        """\
route: {receiver: r}
receivers: [{name: r}]
inhibit_rules:
- source_matchers: [a]
  target_match: {b: c}
  equal: [d, '']
  equals: [e]
- sources: [{matchers: [a=b]}]
  target_matchers: [c=d]
- rule
""",
        'am.yml:4: inhibit_rules[0].source_matchers[0]: a is no matcher; write a label, an operator and a value: alertname="Down" or node=~"ct.*"',
        "am.yml:6: inhibit_rules[0].equal[1]: is empty; name a label",
        "am.yml:7: inhibit_rules[0].equals: there is no such setting; did you mean equal?",
        "am.yml:8: inhibit_rules[1].sources: several sources of one rule are not taken; use source_matchers and equal",
        "am.yml:10: inhibit_rules[2]: is not an inhibition rule; write its settings",
    ),
    row(
        "receivers without and with one name",
        """\
route: {receiver: r}
receivers:
- name: r
- {}
- name: r
- r
""",
        "am.yml:4: receivers[1].name: every receiver needs one; write name: and a name",
        "am.yml:5: receivers[2].name: there is a receiver r in line 3; rename one, or join the two",
        "am.yml:6: receivers[3]: is not a receiver; write its settings",
    ),
    row(
        "an unknown kind of receiver",
        """\
route: {receiver: r}
receivers:
- name: r
  sms_configs: []
""",
        "am.yml:4: receivers[0].sms_configs: there is no such setting; did you mean sns_configs?",
    ),
    row(
        "global",
        """\
route: {receiver: r}
receivers: [{name: r}]
global:
  resolve_timeout: soon
  smtp_smarthost: mail
  smtp_from: nobody
  smtp_auth_password: a
  smtp_auth_password_file: b
  smtp_pasword: c
""",
        "am.yml:4: global.resolve_timeout: soon is not a duration; write for example 15s, 5m or 1h30m",
        "am.yml:5: global.smtp_smarthost: mail is no host with a port; write for example mail.north.example:25",
        "am.yml:6: global.smtp_from: nobody is no address; write for example oncall@north.example",
        "am.yml:8: global.smtp_auth_password_file: stands beside smtp_auth_password; keep one of the two",
        "am.yml:9: global.smtp_pasword: there is no such setting; did you mean smtp_auth_password?",
    ),
    row(
        "a mail without what it needs",
        """\
route: {receiver: r}
receivers:
- name: r
  email_configs:
  - send_resolved: true
""",
        "am.yml:5: receivers[0].email_configs[0].to: is missing; write the address that the mails go to",
        "am.yml:5: receivers[0].email_configs[0].smarthost: is missing, and so is smtp_smarthost in global; write one of the two",
        "am.yml:5: receivers[0].email_configs[0].from: is missing, and so is smtp_from in global; write one of the two",
    ),
    row(
        "a mail to a template",
        """\
route: {receiver: r}
receivers:
- name: r
  email_configs:
  - smarthost: m:25
    from: '{{ .from }}'
    to: '{{ .to }}'
""",
        "am.yml:6: receivers[0].email_configs[0].from: holds a Go template, which is not rendered here; write the address itself",
        "am.yml:7: receivers[0].email_configs[0].to: holds a Go template, which is not rendered here; write the address itself",
    ),
    row(
        "a mail to no address",
        """\
route: {receiver: r}
receivers:
- name: r
  email_configs:
  - smarthost: m:25
    from: a@b
    to: c@d, oncall
""",
        "am.yml:7: receivers[0].email_configs[0].to: c@d, oncall is no address; write for example oncall@north.example",
    ),
    row(
        "headers of a mail",
        """\
route: {receiver: r}
receivers:
- name: r
  email_configs:
  - smarthost: m:25
    from: a@b
    to: c@d
    headers:
      Reply To: a
      X-A: b
      x-a: c
      X-D: "e\\nf"
      X-G: [h]
""",
        "am.yml:9: receivers[0].email_configs[0].headers.Reply To: is no header of a mail; use letters, digits and -, and one line",
        "am.yml:11: receivers[0].email_configs[0].headers.x-a: X-A is the same header; remove one",
        "am.yml:12: receivers[0].email_configs[0].headers.X-D: is no header of a mail; use letters, digits and -, and one line",
        "am.yml:13: receivers[0].email_configs[0].headers.X-G: is a list; write one text",
    ),
    row(
        "a smarthost",
        """\
route: {receiver: r}
receivers:
- name: r
  email_configs:
  - smarthost: m:smtp
    from: a@b
    to: c@d
""",
        "am.yml:5: receivers[0].email_configs[0].smarthost: m:smtp is no host with a port; write for example mail.north.example:25",
    ),
    row(
        "the mask instead of a password",
        """\
route: {receiver: r}
receivers:
- name: r
  email_configs:
  - smarthost: m:25
    from: a@b
    to: c@d
    auth_password: <secret>
""",
        "am.yml:8: receivers[0].email_configs[0].auth_password: is <secret>, which Alertmanager shows instead of the secret; write the secret itself",
    ),
    row(
        "a file of a password that is missing",
        """\
route: {receiver: r}
receivers:
- name: r
  email_configs:
  - smarthost: m:25
    from: a@b
    to: c@d
    auth_password_file: missing
""",
        "am.yml:8: receivers[0].email_configs[0].auth_password_file: there is no file missing; check the name",
    ),
    row(
        "a file of a password that is empty",
        """\
route: {receiver: r}
receivers:
- name: r
  email_configs:
  - smarthost: m:25
    from: a@b
    to: c@d
    auth_password_file: empty
""",
        "am.yml:8: receivers[0].email_configs[0].auth_password_file: empty is empty; write the secret into it",
    ),
    row(
        "a file of a password that is a folder",
        """\
route: {receiver: r}
receivers:
- name: r
  email_configs:
  - smarthost: m:25
    from: a@b
    to: c@d
    auth_secret_file: folder
""",
        "am.yml:8: receivers[0].email_configs[0].auth_secret_file: folder cannot be read; check that it is a file, and its rights",
    ),
    row(
        "a webhook without an address",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - max_alerts: 5
""",
        "am.yml:5: receivers[0].webhook_configs[0].url: is missing; write url: and the address to post to, or url_file:",
    ),
    row(
        "a webhook with two addresses",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    url_file: empty
""",
        "am.yml:6: receivers[0].webhook_configs[0].url_file: stands beside url; keep one of the two",
    ),
    row(
        "another scheme",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: ftp://h/secret
""",
        "am.yml:5: receivers[0].webhook_configs[0].url: begins with neither http:// nor https://; write for example https://chat.north.example/hook",
    ),
    row(
        "no host",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http:///secret
""",
        "am.yml:5: receivers[0].webhook_configs[0].url: names no host; write for example https://chat.north.example/hook",
    ),
    row(
        "no address",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://[h/secret
""",
        "am.yml:5: receivers[0].webhook_configs[0].url: is no address of HTTP; write for example https://chat.north.example/hook",
    ),
    row(
        "a template as an address",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h/{{ .CommonLabels.token }}
""",
        "am.yml:5: receivers[0].webhook_configs[0].url: holds a Go template, which is not rendered here; write the address itself",
    ),
    row(
        "white space in an address",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h/a b
""",
        "am.yml:5: receivers[0].webhook_configs[0].url: holds white space or a control character; write for example https://chat.north.example/hook",
    ),
    row(
        "a file that holds no address",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url_file: pem
""",
        "am.yml:5: receivers[0].webhook_configs[0].url_file: what pem holds begins with neither http:// nor https://; write for example https://chat.north.example/hook",
    ),
    row(
        "numbers of a webhook",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    max_alerts: -1
    timeout: 1d
""",
        "am.yml:6: receivers[0].webhook_configs[0].max_alerts: is -1; write 0 for all, or how many alerts one post may hold",
        "am.yml:7: receivers[0].webhook_configs[0].timeout: 1d is no time; write for example 10s or 1m30s",
    ),
    row(
        "an unknown setting of a webhook",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    urls: []
""",
        "am.yml:6: receivers[0].webhook_configs[0].urls: there is no such setting; did you mean url?",
    ),
    row(
        "two ways to say who asks",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config:
      basic_auth: {username: u, password: p}
      bearer_token: t
""",
        "am.yml:8: receivers[0].webhook_configs[0].http_config.bearer_token: stands beside basic_auth; keep one of the two",
    ),
    row(
        "basic authentication without a name",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config: {basic_auth: {password: p}}
""",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.basic_auth.username: is missing; write username: and a name",
    ),
    row(
        "basic authentication with two names",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config: {basic_auth: {username: u, username_file: pem}}
""",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.basic_auth.username_file: stands beside username; keep one of the two",
    ),
    row(
        "authorization",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config: {authorization: {type: Basic}}
""",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.authorization.type: Basic is what basic_auth is for; use that",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.authorization.credentials: is missing; write credentials_file: and the file that holds them",
    ),
    row(
        "a scheme of authorization that is none",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config: {authorization: {type: 'my token', credentials: c}}
""",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.authorization.type: my token is no scheme; write one word, such as Bearer",
    ),
    row(
        "OAuth 2",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config: {oauth2: {client_id: c}}
""",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.oauth2: is not spoken here; use authorization with a token, or a proxy that adds one",
    ),
    row(
        "proxies",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config:
      proxy_url: socks5://p
      proxy_from_environment: true
      proxy_connect_header: {a: [b]}
""",
        "am.yml:7: receivers[0].webhook_configs[0].http_config.proxy_url: begins with neither http:// nor https://; write for example http://proxy.north.example:3128",
        "am.yml:7: receivers[0].webhook_configs[0].http_config.proxy_url: stands beside proxy_from_environment; keep one of the two",
        "am.yml:9: receivers[0].webhook_configs[0].http_config.proxy_connect_header: is not sent here; write user and password into proxy_url",
    ),
    row(
        "exceptions from no proxy",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config: {no_proxy: h}
""",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.no_proxy: stands without proxy_url; name the proxy, or remove it",
    ),
    row(
        "headers",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config:
      http_headers:
        Content-Type: {values: [a]}
        a b: {values: [a]}
        X-A: {}
        X-B: {value: a}
        X-C: {files: [missing]}
        X-D: a
""",
        "am.yml:8: receivers[0].webhook_configs[0].http_config.http_headers.Content-Type: is written by the agent itself; remove it",
        "am.yml:9: receivers[0].webhook_configs[0].http_config.http_headers.a b: is no name of a header; use letters, digits and -",
        "am.yml:10: receivers[0].webhook_configs[0].http_config.http_headers.X-A: has no value; write values: and a list",
        "am.yml:11: receivers[0].webhook_configs[0].http_config.http_headers.X-B.value: there is no such setting; did you mean values?",
        "am.yml:11: receivers[0].webhook_configs[0].http_config.http_headers.X-B: has no value; write values: and a list",
        "am.yml:12: receivers[0].webhook_configs[0].http_config.http_headers.X-C.files[0]: there is no file missing; check the name",
        "am.yml:13: receivers[0].webhook_configs[0].http_config.http_headers.X-D: is a text; write its settings below it, or leave it out",
    ),
    row(
        "headers that are no mapping",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config: {http_headers: [a]}
""",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.http_headers: is no mapping; write the name of each header, and below it values:",
    ),
    row(
        "TLS",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config:
      tls_config:
        ca: x
        key: y
        min_version: 1.2
        cert_file: pem
""",
        "am.yml:8: receivers[0].webhook_configs[0].http_config.tls_config.ca: is not taken here; write it into a file, and name that in ca_file",
        "am.yml:9: receivers[0].webhook_configs[0].http_config.tls_config.key: is not taken here; write it into a file, and name that in key_file",
        "am.yml:10: receivers[0].webhook_configs[0].http_config.tls_config.min_version: 1.2 is no version of TLS; there is TLS10, TLS11, TLS12, TLS13",
        "am.yml:11: receivers[0].webhook_configs[0].http_config.tls_config.cert_file: stands without key_file; name both, or neither",
    ),
    row(
        "a file of authorities that is none",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config: {tls_config: {ca_file: pem}}
""",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.tls_config.ca_file: pem holds no certificate in PEM; name the file of the authority, or convert it to PEM",
    ),
    row(
        "a certificate that is none",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config: {tls_config: {cert_file: pem, key_file: pem}}
""",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.tls_config.cert_file: pem holds no certificate in PEM; name the right file, or convert it to PEM",
        "am.yml:6: receivers[0].webhook_configs[0].http_config.tls_config.key_file: pem holds no private key in PEM; name the right file, or convert it to PEM",
    ),
    row(
        "a setting that is no mapping",
        """\
route: {receiver: r}
receivers:
- name: r
  webhook_configs:
  - url: http://h
    http_config: [a]
""",
        "am.yml:6: receivers[0].webhook_configs[0].http_config: is a list; write its settings below it, or leave it out",
    ),
    row(
        "time intervals without and with one name",
        """\
route: {receiver: r}
receivers: [{name: r}]
time_intervals:
- {}
- name: n
mute_time_intervals:
- name: n
""",
        "am.yml:4: time_intervals[0].name: every time interval needs one; write name: and a name",
        "am.yml:5: time_intervals[1].name: there is a time interval n in line 7; rename one",
    ),
    row(
        "times",
        """\
route: {receiver: r}
receivers: [{name: r}]
time_intervals:
- name: n
  time_intervals:
  - times:
    - {start_time: 9:00, end_time: 24:01}
    - {start_time: '22:00', end_time: '06:00'}
    - {start_time: '22:00'}
    - 22:00
""",
        'am.yml:7: time_intervals[0].time_intervals[0].times[0].start_time: 9:00 is no time of day; write two digits each, as in "07:30"; "24:00" ends a day',
        'am.yml:7: time_intervals[0].time_intervals[0].times[0].end_time: 24:01 is no time of day; write two digits each, as in "07:30"; "24:00" ends a day',
        "am.yml:8: time_intervals[0].time_intervals[0].times[1]: 06:00 is not after 22:00; over midnight write two, one until 24:00 and one from 00:00 on",
        'am.yml:9: time_intervals[0].time_intervals[0].times[2].end_time: is missing; write two digits each, as in "07:30"; "24:00" ends a day',
        "am.yml:10: time_intervals[0].time_intervals[0].times[3]: is not a span of times; write its settings",
    ),
    row(
        "weekdays",
        """\
route: {receiver: r}
receivers: [{name: r}]
time_intervals:
- name: n
  time_intervals:
  - weekdays: [mon, 'saturday:sunday', 'monday:', 'a:b:c', []]
""",
        "am.yml:6: time_intervals[0].time_intervals[0].weekdays[4]: is a list; write one text",
        "am.yml:6: time_intervals[0].time_intervals[0].weekdays[0]: mon is no weekday; did you mean monday?",
        "am.yml:6: time_intervals[0].time_intervals[0].weekdays[1]: saturday:sunday ends before it begins, as weeks begin on sunday; write two ranges",
        "am.yml:6: time_intervals[0].time_intervals[0].weekdays[2]: nothing is no weekday; there is friday, monday, saturday, sunday, thursday, tuesday, wednesday",
        "am.yml:6: time_intervals[0].time_intervals[0].weekdays[3]: a:b:c is no range; write the first, a colon and the last",
    ),
    row(
        "days of the month",
        """\
route: {receiver: r}
receivers: [{name: r}]
time_intervals:
- name: n
  time_intervals:
  - days_of_month: [0, 32, first, '5:1', '-1:-3', '-5:3', '28:-1']
""",
        "am.yml:6: time_intervals[0].time_intervals[0].days_of_month[0]: 0 is no day of a month; write 1 to 31, or -1 to -31 from its end",
        "am.yml:6: time_intervals[0].time_intervals[0].days_of_month[1]: 32 is no day of a month; write 1 to 31, or -1 to -31 from its end",
        "am.yml:6: time_intervals[0].time_intervals[0].days_of_month[2]: first is not a day of the month, such as 1 or -1",
        "am.yml:6: time_intervals[0].time_intervals[0].days_of_month[3]: 5:1 ends before it begins; write the earlier day first",
        "am.yml:6: time_intervals[0].time_intervals[0].days_of_month[4]: -1:-3 ends before it begins; write the earlier day first",
        "am.yml:6: time_intervals[0].time_intervals[0].days_of_month[5]: -5:3 begins at the end of a month and ends at its beginning; let both count from one end",
        "am.yml:6: time_intervals[0].time_intervals[0].days_of_month[6]: 28:-1 ends before it begins in a month of 28 days; begin earlier, or count both from the end",
    ),
    row(
        "months",
        """\
route: {receiver: r}
receivers: [{name: r}]
time_intervals:
- name: n
  time_intervals:
  - months: [jan, 13, 'may:march']
""",
        "am.yml:6: time_intervals[0].time_intervals[0].months[0]: jan is not a month, such as march or 3",
        "am.yml:6: time_intervals[0].time_intervals[0].months[1]: 13 is no month; they go from 1 to 12",
        "am.yml:6: time_intervals[0].time_intervals[0].months[2]: may:march ends before it begins, as years begin in january; write two ranges",
    ),
    row(
        "years",
        """\
route: {receiver: r}
receivers: [{name: r}]
time_intervals:
- name: n
  time_intervals:
  - years: [MMXX, '2030:2020']
""",
        "am.yml:6: time_intervals[0].time_intervals[0].years[0]: mmxx is not a year, such as 2030",
        "am.yml:6: time_intervals[0].time_intervals[0].years[1]: 2030:2020 ends before it begins; write the earlier year first",
    ),
    row(
        "locations",
        """\
route: {receiver: r}
receivers: [{name: r}]
time_intervals:
- name: n
  time_intervals:
  - location: Europe/Bukarest
""",
        "am.yml:6: time_intervals[0].time_intervals[0].location: there is no time zone Europe/Bukarest; did you mean Europe/Bucharest?",
    ),
    row(
        "the location of the machine",
        """\
route: {receiver: r}
receivers: [{name: r}]
time_intervals:
- name: n
  time_intervals:
  - location: Local
""",
        "am.yml:6: time_intervals[0].time_intervals[0].location: is Local, which is another zone on each machine; write for example Europe/Bucharest",
    ),
    row(
        "the name that locations had once",
        """\
route: {receiver: r}
receivers: [{name: r}]
time_intervals:
- name: n
  time_intervals:
  - time_zone: UTC
""",
        "am.yml:6: time_intervals[0].time_intervals[0].time_zone: there is no such setting; there is days_of_month, location, months, times, weekdays, years",
    ),
    row(
        "variables of the environment",
        """\
global: {smtp_smarthost: '$SMARTHOST', smtp_from: '${FROM}'}
route: {receiver: r}
receivers:
- name: r
  email_configs:
  - to: ${TO}
  webhook_configs:
  - url: ${URL}
""",
        "am.yml:1: global.smtp_smarthost: $SMARTHOST is a variable, which these files do not have; write the value itself",
        "am.yml:1: global.smtp_from: ${FROM} is a variable, which these files do not have; write the value itself",
        "am.yml:6: receivers[0].email_configs[0].to: ${TO} is a variable, which these files do not have; write the value itself",
        "am.yml:8: receivers[0].webhook_configs[0].url: begins with a variable, which these files do not have; write the value itself",
    ),
]


@pytest.mark.parametrize(("text", "messages"), MISTAKES)
def test_a_mistake_is_told_with_its_line_its_setting_and_the_remedy(
    text: str, messages: list[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "pem").write_text("x")
    assert complaints(text, tmp_path) == messages


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    parts = [mistake.values[0] for mistake in MISTAKES if str(mistake.values[0]).startswith("route: {receiver: r}\n")]
    bodies = [text.removeprefix("route: {receiver: r}\n") for text in parts if "receivers:\n- name: r\n  " in text]
    entries = "".join(
        body.removeprefix("receivers:\n").replace("name: r\n", f"name: r{number}\n")
        for number, body in enumerate(bodies)
    )
    found = complaints(f"route: {{receiver: r0}}\nreceivers:\n{entries}", tmp_path)
    assert len(found) > len(bodies) > 20
    assert len(set(found)) == len(found)
