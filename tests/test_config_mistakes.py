"""One row for each mistake, with all that `pacs-monitor check-config` says of it."""
# ruff: noqa: E501  a message is one line, as it is printed

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.config import load
from pacs_monitor.loader import load_folders
from pacs_monitor.settings import ConfigError

KINDS, _ = load_folders([Path(__file__).parent / "data/checks"])


def row(mistake: str, text: str | bytes, *messages: str, files: dict[str, str | bytes] | None = None) -> Any:
    return pytest.param(text, list(messages), files or {}, id=mistake)


MISTAKES = [
    row(
        "samples for rules that are taken too seldom to count",
        "alerting: {scrape_interval: 10m}\n",
        "pacs-monitor.yml:1: alerting.scrape_interval: is not between 100ms and 2m; write for example 15s",
    ),
    row(
        "a tab for indentation",
        "site: north\nweb:\n\tlisten: 127.0.0.1:9811\n",
        "pacs-monitor.yml:3: holds a tab where only spaces may stand; indent with spaces",
    ),
    row(
        "a text with a colon and no quotes",
        "site: north: south\n",
        "pacs-monitor.yml:1: holds a ':' where none can stand; check the indentation, and put text that holds ': ' in quotes",
    ),
    row(
        "a list that is not closed",
        """\
nodes: [{name: a}
site: b
""",
        "pacs-monitor.yml:1: opens a bracket that is not closed; close it with ]",
    ),
    row(
        "a list that is opened at the end of the file",
        "site: a\nnodes: [\n",
        "pacs-monitor.yml:2: opens a bracket that is not closed; close it with ]",
    ),
    row(
        "a quote that is not closed",
        """\
site: 'north
ae_title: A
""",
        "pacs-monitor.yml:1: opens a quote that is not closed; close it",
    ),
    row(
        "two documents in one file",
        """\
site: a
---
site: b
""",
        "pacs-monitor.yml:2: begins a second document; remove the line ---",
    ),
    row(
        "an empty file",
        "",
        "pacs-monitor.yml:1: is empty; write its settings into it",
    ),
    row(
        "only a comment",
        "# nothing\n",
        "pacs-monitor.yml:1: is empty; write its settings into it",
    ),
    row(
        "a text instead of settings",
        "hello\n",
        "pacs-monitor.yml:1: is not a mapping; write `setting: value` lines, or run pacs-monitor init",
    ),
    row(
        "a list instead of settings",
        "- a\n",
        "pacs-monitor.yml:1: is not a mapping; write `setting: value` lines, or run pacs-monitor init",
    ),
    row(
        "not UTF-8",
        b"site: M\xfcnchen\n",
        "pacs-monitor.yml:1: is not UTF-8; save the file with the encoding UTF-8",
    ),
    row(
        "a control character in the file",
        "site: a\nae_title: A\x07B\n",
        "pacs-monitor.yml:2: holds the control character '\\x07' in column 12; remove it",
    ),
    row(
        "a control character by escape",
        'ae_title: "A\\x07B"\n',
        "pacs-monitor.yml:1: ae_title: holds the control character '\\x07' at position 2; remove it",
    ),
    row(
        "a line break in notes",
        'nodes:\n  - {name: a, notes: "line\\nline"}\n',
        "pacs-monitor.yml:2: nodes[0].notes: holds the control character '\\n' at position 5; remove it",
    ),
    row(
        "a misspelt section",
        "sites: north\n",
        "pacs-monitor.yml:1: sites: there is no such setting; did you mean site?",
    ),
    row(
        "a section of no meaning",
        "qwertz: north\n",
        "pacs-monitor.yml:1: qwertz: there is no such setting; there is ae_title, alerting, check_dirs, checks, data_dir, external_url, health, hours, maintenance, metrics, nodes, nodes_from, notify, on_call, people, profiles, scp, self_check, site, time_zone, web, workers",
    ),
    row(
        "a misspelt setting of a node",
        """\
nodes:
  - {name: a, hots: 10.0.0.1}
""",
        "pacs-monitor.yml:2: nodes[0].hots: there is no such setting of a node; did you mean host?",
    ),
    row(
        "a misspelt setting of a check",
        """\
nodes:
  - {name: a, host: h, port: 104, ae_title: A, checks: [greet: {slwo: 2s}]}
""",
        "pacs-monitor.yml:2: nodes[0].checks.greet.slwo: there is no such setting; did you mean slow?",
    ),
    row(
        "a misspelt setting of a section",
        "web: {listn: 127.0.0.1:1}\n",
        "pacs-monitor.yml:1: web.listn: there is no such setting; did you mean listen?",
    ),
    row(
        "a misspelt setting deep inside a check",
        """\
checks:
  - space: {path: /, login: {url: http://a, pasword_file: x}}
""",
        "pacs-monitor.yml:2: checks.space.login.pasword_file: there is no such setting; did you mean password_file?",
    ),
    row(
        "a key that stands twice",
        """\
site: a
ae_title: A
site: b
""",
        "pacs-monitor.yml:3: site: stands here for the second time, first in line 1; remove one of them",
    ),
    row(
        "two nodes of one name",
        """\
nodes:
  - {name: a}
  - {name: a}
""",
        "pacs-monitor.yml:3: nodes[1].name: a is also the node in pacs-monitor.yml:2; rename one of the two",
    ),
    row(
        "two checks of one name",
        """\
checks:
  - space: {path: /}
  - space: {path: /x}
""",
        "pacs-monitor.yml:3: checks.space: is the second check named space, after line 2; give it a `name` of its own",
    ),
    row(
        "two checks of one kind on a node, without names",
        """\
nodes:
  - name: a
    host: h
    checks:
      - deposit: {}
      - deposit: {interval: 1m}
""",
        "pacs-monitor.yml:6: nodes[0].checks.deposit: is the second check named deposit, after line 5; give it a `name` of its own",
    ),
    row(
        "a port out of range",
        """\
nodes:
  - {name: a, port: 70000}
""",
        "pacs-monitor.yml:2: nodes[0].port: 70000 is not a TCP port (1 to 65535)",
    ),
    row(
        "a port that is no number",
        """\
nodes:
  - {name: a, port: dicom}
""",
        "pacs-monitor.yml:2: nodes[0].port: dicom is not a TCP port (1 to 65535)",
    ),
    row(
        "an AE title over 16 characters",
        """\
nodes:
  - {name: a, ae_title: AN_AE_TITLE_TOO_LONG}
""",
        "pacs-monitor.yml:2: nodes[0].ae_title: AN_AE_TITLE_TOO_LONG has 20 characters; an AE title has at most 16",
    ),
    row(
        "an empty AE title",
        """\
nodes:
  - {name: a, ae_title: ''}
""",
        "pacs-monitor.yml:2: nodes[0].ae_title: is empty; an AE title has 1 to 16 characters",
    ),
    row(
        "an own AE title over 16 characters",
        "ae_title: AN_AE_TITLE_TOO_LONG\n",
        "pacs-monitor.yml:1: ae_title: AN_AE_TITLE_TOO_LONG has 20 characters; an AE title has at most 16",
    ),
    row(
        "a URL for a host",
        """\
nodes:
  - {name: a, host: http://10.0.0.1/}
""",
        "pacs-monitor.yml:2: nodes[0].host: 'http://10.0.0.1/' is not a host; write a name or an address, without scheme, port or path",
    ),
    row(
        "a node without a name",
        """\
nodes:
  - {host: a}
""",
        "pacs-monitor.yml:2: nodes[0].name: is missing; add it: the name that series, alerts and pages carry",
    ),
    row(
        "a node with an empty name",
        """\
nodes:
  - {name: , host: a}
""",
        "pacs-monitor.yml:2: nodes[0].name: is empty; write for example ct1",
    ),
    row(
        "a name with a space",
        """\
nodes:
  - {name: CT 1}
""",
        "pacs-monitor.yml:2: nodes[0].name: 'CT 1' is not a name; use up to 64 letters, digits, '.', '-' and '_', first a letter or digit",
    ),
    row(
        "an abbreviated importance",
        """\
nodes:
  - {name: a, importance: crit}
""",
        "pacs-monitor.yml:2: nodes[0].importance: crit is none of critical, normal, low; did you mean critical?",
    ),
    row(
        "an importance that is none",
        """\
nodes:
  - {name: a, importance: hello}
""",
        "pacs-monitor.yml:2: nodes[0].importance: hello is none of critical, normal, low; write one of them",
    ),
    row(
        "nodes as a mapping",
        "nodes: {a: {host: b}}\n",
        "pacs-monitor.yml:1: nodes: is not a list; begin each entry with '- ', as in `- {name: ct1, host: 10.0.1.7}`",
    ),
    row(
        "a node that is only a name",
        "nodes: [a]\n",
        "pacs-monitor.yml:1: nodes[0]: is not a node; write `- {name: ct1, host: 10.0.1.7}`",
    ),
    row(
        "one name where a list belongs",
        """\
nodes:
  - {name: b}
  - {name: a, reached_through: b}
""",
        "pacs-monitor.yml:3: nodes[1].reached_through: is not a list; write [a, b], or begin each entry with '- ' on a line of its own",
    ),
    row(
        "a list where a mapping belongs",
        """\
nodes:
  - {name: a, labels: [x]}
""",
        "pacs-monitor.yml:2: nodes[0].labels: is not a mapping; write `name: value` lines below it",
    ),
    row(
        "a list where a text belongs",
        """\
nodes:
  - {name: a, host: [x]}
""",
        "pacs-monitor.yml:2: nodes[0].host: is a list or a mapping where one value belongs; write one",
    ),
    row(
        "a text where a section belongs",
        "web: 127.0.0.1:80\n",
        "pacs-monitor.yml:1: web: is not a mapping; write `name: value` lines below it",
    ),
    row(
        "a profile that does not exist",
        """\
profiles:
  archive: [greet]
nodes:
  - {name: a, profile: archiv}
""",
        "pacs-monitor.yml:4: nodes[0].profile: there is no profile archiv; did you mean archive?",
    ),
    row(
        "a profile where there are none",
        """\
nodes:
  - {name: a, profile: archiv}
""",
        "pacs-monitor.yml:2: nodes[0].profile: there is no profile archiv; define it in a section `profiles`, as in `profiles: {archiv: [c_echo]}`",
    ),
    row(
        "a misspelt kind in a profile",
        """\
profiles:
  archive: [gret: {interval: 1m}]
""",
        "pacs-monitor.yml:2: profiles.archive.gret: there is no check of this kind; did you mean greet?",
    ),
    row(
        "a kind that does not exist",
        "checks: [qwertz: {}]\n",
        "pacs-monitor.yml:1: checks.qwertz: there is no check of this kind; there is deposit, greet, space",
    ),
    row(
        "a profile's interval without a unit, told once for two nodes",
        """\
profiles:
  archive: [{greet: {interval: 15}}]
nodes:
  - {name: a, host: h, port: 104, ae_title: A, profile: archive}
  - {name: b, host: h, port: 104, ae_title: A, profile: archive}
""",
        "pacs-monitor.yml:2: profiles.archive.greet.interval: 15 has no unit; write 15s for 15 seconds",
    ),
    row(
        "a duration that is none in a profile",
        """\
profiles:
  ct: {min_interval: soon, checks: [greet]}
nodes:
  - {name: a, host: h, port: 104, ae_title: A, profile: ct}
""",
        "pacs-monitor.yml:2: profiles.ct.min_interval: soon is not a duration; write for example 15s, 5m or 1h30m",
    ),
    row(
        "a check whose node lacks what it needs",
        """\
nodes:
  - {name: a, host: h, checks: [greet]}
""",
        "pacs-monitor.yml:2: nodes[0].port: the check greet needs it; set it on the node, for example port: 4242",
        "pacs-monitor.yml:2: nodes[0].ae_title: the check greet needs it; set it on the node, for example ae_title: ORTHANC",
    ),
    row(
        "a check of a node without a node",
        """\
checks:
  - greet: {interval: 1m}
""",
        "pacs-monitor.yml:2: checks.greet: greet measures a node; move it to the `checks` of a node or of a profile",
    ),
    row(
        "a check without a setting it must have",
        """\
checks:
  - space: {interval: 1m}
""",
        "pacs-monitor.yml:2: checks.space.path: is missing; add it: a path on the disk",
    ),
    row(
        "a setting left empty",
        """\
checks:
  - space:
      path:
""",
        "pacs-monitor.yml:3: checks.space.path: is empty; write for example /etc/pacs-monitor/ca.pem",
    ),
    row(
        "a check's settings not indented",
        """\
nodes:
  - name: a
    host: h
    port: 104
    ae_title: A
    checks:
      - greet:
        interval: 1m
""",
        "pacs-monitor.yml:7: nodes[0].checks[0]: holds interval beside greet; indent settings below the kind, one check to an item",
    ),
    row(
        "a check left empty",
        """\
nodes:
  - name: a
    checks:
      - greet:
""",
        "pacs-monitor.yml:4: nodes[0].checks.greet: is empty, which takes out a check of a profile; write `greet: {}` to run it",
    ),
    row(
        "taking out a check that is not there",
        """\
profiles: {p: [greet]}
nodes:
  - {name: a, host: h, port: 104, ae_title: A, profile: p, checks: [gret: null]}
""",
        "pacs-monitor.yml:3: nodes[0].checks.gret: takes out a check that no profile here has; did you mean greet?",
    ),
    row(
        "a text where a check's settings belong",
        """\
checks:
  - space: /var
""",
        "pacs-monitor.yml:2: checks.space: is not a mapping of settings; write `space: {interval: 1m}`",
    ),
    row(
        "checks as a mapping",
        "checks: {space: {path: /}}\n",
        "pacs-monitor.yml:1: checks: is not a list of checks; begin each with '- ', as in `- c_echo: {interval: 1m}`",
    ),
    row(
        "a timeout longer than the interval",
        """\
checks:
  - space: {path: /, interval: 10s, timeout: 1m}
""",
        "pacs-monitor.yml:2: checks.space.timeout: 1m is longer than the interval of 10s; shorten it",
    ),
    row(
        "an interval of nothing",
        """\
checks:
  - space: {path: /, interval: 0s}
""",
        "pacs-monitor.yml:2: checks.space.interval: is shorter than 100ms; write for example 15s",
    ),
    row(
        "an interval too short to be kept",
        """\
checks:
  - space: {path: /, interval: 99ms}
""",
        "pacs-monitor.yml:2: checks.space.interval: is shorter than 100ms; write for example 15s",
    ),
    row(
        "intervals of more than a year",
        """\
nodes:
  - {name: a, min_interval: 2y}
checks:
  - space: {path: /, interval: 2y}
""",
        "pacs-monitor.yml:2: nodes[0].min_interval: is longer than 1y; write for example 1h",
        "pacs-monitor.yml:4: checks.space.interval: is longer than 1y; write for example 1h",
    ),
    row(
        "an interval that nobody can count",
        """\
checks:
  - space: {path: /, interval: 1000y}
""",
        "pacs-monitor.yml:2: checks.space.interval: 1000y is longer than 292y, the longest duration there is; write a shorter one",
    ),
    row(
        "an interval of nothing, of a kind with a default of its own, in a profile that no node uses",
        """\
profiles:
  p: [deposit: {interval: 0s}]
""",
        "pacs-monitor.yml:2: profiles.p.deposit.interval: is shorter than 100ms; write for example 15s",
    ),
    row(
        "a timeout of nothing",
        """\
checks:
  - space: {path: /, timeout: 0s}
""",
        "pacs-monitor.yml:2: checks.space.timeout: is not longer than 0s; write for example 10s",
    ),
    row(
        "a retry at once",
        """\
checks:
  - space: {path: /, retry_interval: 0s}
""",
        "pacs-monitor.yml:2: checks.space.retry_interval: is shorter than 100ms; write for example 15s",
    ),
    row(
        "down after no failure",
        """\
checks:
  - space: {path: /, down_after: 0}
""",
        "pacs-monitor.yml:2: checks.space.down_after: 0 is too small; write 1 or more",
    ),
    row(
        "one listener with two budgets of associations",
        """\
nodes:
  - {name: a, host: PACS, port: 104, max_associations: 2}
  - {name: b, host: pacs, port: 104}
  - {name: c, host: pacs, port: 105}
  - {name: d, host: Pacs, port: 104, max_associations: 3}
  - {name: e, host: pacs, port: 104, max_associations: 2}
""",
        "pacs-monitor.yml:3: nodes[1].max_associations: is 1 here and 2 for a, which has the same listener pacs:104; give both the same",
        "pacs-monitor.yml:5: nodes[3].max_associations: is 3 here and 2 for a, which has the same listener Pacs:104; give both the same",
    ),
    row(
        "rule files that are not there",
        """\
alerting:
  rules: [builtin, rules/*.yml, mine.yml, rules]
""",
        "pacs-monitor.yml:2: alerting.rules[1]: no file matches rules/*.yml; check the name",
        "pacs-monitor.yml:2: alerting.rules[2]: there is no file mine.yml; check the name",
        "pacs-monitor.yml:2: alerting.rules[3]: rules is a folder; name its files, as in rules/*.yml",
        files={"rules/readme.txt": "x"},
    ),
    row(
        "a share over 100%",
        """\
checks:
  - space: {path: /, free_warning: 110%}
""",
        "pacs-monitor.yml:2: checks.space.free_warning: 110% is not between 0% and 100%",
    ),
    row(
        "a share that is none",
        """\
checks:
  - space: {path: /, free_warning: much}
""",
        "pacs-monitor.yml:2: checks.space.free_warning: much is not a share; write for example 10% or 0.1",
    ),
    row(
        "a size that is none",
        """\
checks:
  - space: {path: /, least: big}
""",
        "pacs-monitor.yml:2: checks.space.least: big is not a size; write for example 500MB, 20GB or 20GiB",
    ),
    row(
        "neither true nor false",
        """\
nodes:
  - {name: a, host: h, checks: [deposit: {write: perhaps}]}
""",
        "pacs-monitor.yml:2: nodes[0].checks.deposit.write: perhaps is neither true nor false; write one of them",
    ),
    row(
        "a count too small",
        """\
nodes:
  - {name: a, host: h, checks: [deposit: {down_after: 0}]}
""",
        "pacs-monitor.yml:2: nodes[0].checks.deposit.down_after: 0 is too small; write 1 or more",
    ),
    row(
        "a count that is no number",
        """\
nodes:
  - {name: a, host: h, checks: [deposit: {down_after: few}]}
""",
        "pacs-monitor.yml:2: nodes[0].checks.deposit.down_after: few is not a whole number; write for example 3",
    ),
    row(
        "none of the choices",
        """\
nodes:
  - {name: a, host: h, port: 104, ae_title: A, checks: [greet: {level: STUDI}]}
""",
        "pacs-monitor.yml:2: nodes[0].checks.greet.level: STUDI is none of PATIENT, STUDY; did you mean STUDY?",
    ),
    row(
        "a URL of another scheme",
        """\
checks:
  - space: {path: /, login: {url: ftp://x}}
""",
        "pacs-monitor.yml:2: checks.space.login.url: ftp://x is not a valid URL; write for example http://10.0.0.5:8042",
    ),
    row(
        "an external URL without a scheme",
        "external_url: pacsmon.north.example\n",
        "pacs-monitor.yml:1: external_url: pacsmon.north.example is not a valid URL; write for example http://10.0.0.5:8042",
    ),
    row(
        "an environment variable that is not set",
        "site: ${NO_SUCH_VARIABLE}\n",
        "pacs-monitor.yml:1: site: the environment variable NO_SUCH_VARIABLE is not set; set it, or write $${ for a literal ${",
    ),
    row(
        "a wrong value out of the environment is not shown",
        """\
nodes:
  - name: a
    port: ${PORT_TEXT}
    host: ${HOST_TEXT}
""",
        "pacs-monitor.yml:3: nodes[0].port: the value of ${PORT_TEXT} (not shown) is not accepted as TCP port; write for example 4242",
        "pacs-monitor.yml:4: nodes[0].host: the value of ${HOST_TEXT} (not shown) is not accepted as host; write for example 10.0.0.5",
    ),
    row(
        "a variable inside brackets without quotes",
        """\
nodes:
  - {name: a, port: ${PORT_TEXT}}
""",
        'pacs-monitor.yml:2: uses ${...} inside brackets; put it in quotes: "${NAME}"',
    ),
    row(
        "a secret's file that is missing",
        "web: {bearer_token_file: token}\n",
        "pacs-monitor.yml:1: web.bearer_token_file: token: there is no such file; check the name",
    ),
    row(
        "a secret's file that is empty",
        "web: {bearer_token_file: token}\n",
        "pacs-monitor.yml:1: web.bearer_token_file: token is empty; write the secret into it",
        files={"token": "\n"},
    ),
    row(
        "a secret's file that is a folder",
        "web: {bearer_token_file: .}\n",
        "pacs-monitor.yml:1: web.bearer_token_file: .: is a folder; name a file",
    ),
    row(
        "a secret and its file at once",
        "web: {bearer_token_file: token, bearer_token: x}\n",
        "pacs-monitor.yml:1: web.bearer_token_file: stands beside bearer_token; keep one of the two",
        files={"token": "abc"},
    ),
    row(
        "a certificate file that is missing",
        """\
checks:
  - space: {path: /, ca_file: no.pem}
""",
        "pacs-monitor.yml:2: checks.space.ca_file: there is no file no.pem; check the name",
    ),
    row(
        "TLS files that are missing",
        "web: {tls: {cert_file: c.pem, key_file: k.pem}}\n",
        "pacs-monitor.yml:1: web.tls.cert_file: there is no file c.pem; check the name",
        "pacs-monitor.yml:1: web.tls.key_file: there is no file k.pem; check the name",
    ),
    row(
        "a certificate without a key",
        "web: {tls: {cert_file: c.pem}}\n",
        "pacs-monitor.yml:1: web.tls.key_file: is missing; add it: its private key (PEM)",
        files={"c.pem": "x"},
    ),
    row(
        "listening beyond loopback with nothing",
        "web: {listen: 0.0.0.0:9811}\n",
        "pacs-monitor.yml:1: web.listen: others than this machine can reach 0.0.0.0; set tls and one of bearer_token_file, basic_auth_file and allow_from, or listen on 127.0.0.1",
    ),
    row(
        "listening beyond loopback without TLS",
        "web: {listen: '0.0.0.0:9811', allow_from: [10.0.3.0/24]}\n",
        "pacs-monitor.yml:1: web.listen: others than this machine can reach 0.0.0.0; set tls, or listen on 127.0.0.1",
    ),
    row(
        "listening on a port alone",
        "web: {listen: 9811}\n",
        "pacs-monitor.yml:1: web.listen: 9811 is not an address and a port; write for example 127.0.0.1:9811 or [::1]:9811",
    ),
    row(
        "an IPv6 address without brackets",
        "web: {listen: '::1:9811'}\n",
        "pacs-monitor.yml:1: web.listen: ::1:9811 is not an address and a port; write for example 127.0.0.1:9811 or [::1]:9811",
    ),
    row(
        "listening on a port out of range",
        "web: {listen: '127.0.0.1:99811'}\n",
        "pacs-monitor.yml:1: web.listen: 99811 is not a TCP port (0 to 65535)",
    ),
    row(
        "networks that are none",
        "web: {allow_from: [10.0.3.1/24, nets]}\n",
        "pacs-monitor.yml:1: web.allow_from[0]: 10.0.3.1/24 is not a network; write for example 10.0.3.0/24",
        "pacs-monitor.yml:1: web.allow_from[1]: nets is not a network; write for example 10.0.3.0/24",
    ),
    row(
        "a DICOM listener on no address",
        "scp: {listen: here}\n",
        "pacs-monitor.yml:1: scp.listen: here is not an address and a port; write for example 127.0.0.1:9811 or [::1]:9811",
    ),
    row(
        "a time zone that does not exist",
        "time_zone: Europe/Bukarest\n",
        "pacs-monitor.yml:1: time_zone: there is no time zone Europe/Bukarest; did you mean Europe/Bucharest?",
    ),
    row(
        "a country without known holidays",
        "hours: {clinic: {holidays: XX}}\n",
        "pacs-monitor.yml:1: hours.clinic.holidays: XX is not a country whose holidays are known; write its two letters, for example RO or DE-BY",
    ),
    row(
        "a part of a country without known holidays",
        "hours: {clinic: {holidays: DE-XX}}\n",
        "pacs-monitor.yml:1: hours.clinic.holidays: XX is not a part of DE whose holidays are known; write DE alone",
    ),
    row(
        "a weekday that is none",
        "hours: {clinic: {days: monday-fri}}\n",
        "pacs-monitor.yml:1: hours.clinic.days: monday-fri is not a weekday; write mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri",
    ),
    row(
        "a time of day that is none",
        "hours: {clinic: {from: 7 o'clock}}\n",
        'pacs-monitor.yml:1: hours.clinic.from: 7 o\'clock is not a time of day; write for example "07:30"',
    ),
    row(
        "an hour past midnight",
        "hours: {clinic: {to: '25:00'}}\n",
        'pacs-monitor.yml:1: hours.clinic.to: 25:00 is not a time of day; write for example "07:30"',
    ),
    row(
        "hours that do not exist",
        """\
hours: {clinic: {}}
nodes:
  - {name: a, hours: klinic}
""",
        "pacs-monitor.yml:3: nodes[0].hours: there are no hours klinic; did you mean clinic?",
    ),
    row(
        "reached through a node that does not exist",
        """\
nodes:
  - {name: sw-ct}
  - {name: a, reached_through: [sw-tc]}
""",
        "pacs-monitor.yml:3: nodes[1].reached_through[0]: there is no node sw-tc; did you mean sw-ct?",
    ),
    row(
        "sending to a node that does not exist",
        """\
nodes:
  - {name: a, sends_to: [archive]}
""",
        "pacs-monitor.yml:2: nodes[0].sends_to[0]: there is no node archive; there is a",
    ),
    row(
        "network parents in a ring",
        """\
nodes:
  - {name: a, reached_through: [b]}
  - {name: b, reached_through: [c]}
  - {name: c, reached_through: [a]}
""",
        "pacs-monitor.yml:2: nodes[0].reached_through: leads back to itself: a -> b -> c -> a; remove one of these",
    ),
    row(
        "a node that is its own parent",
        """\
nodes:
  - {name: a, reached_through: [a]}
""",
        "pacs-monitor.yml:2: nodes[0].reached_through: leads back to itself: a -> a; remove one of these",
    ),
    row(
        "maintenance without a day",
        """\
maintenance:
  - {name: p, for: 6h}
""",
        "pacs-monitor.yml:2: maintenance[0]: has neither days nor on; add one of them",
    ),
    row(
        "two maintenance times of one name",
        """\
maintenance:
  - {name: p, days: [sun], for: 6h}
  - {name: p, days: [sat], for: 6h}
""",
        "pacs-monitor.yml:3: maintenance[1].name: there is another maintenance of the name p; give each its own",
    ),
    row(
        "maintenance with weekdays and a date",
        """\
maintenance:
  - {name: p, for: 6h, days: [sun], on: 2026-01-01}
""",
        "pacs-monitor.yml:2: maintenance[0]: has both days and on; keep one",
    ),
    row(
        "maintenance without a length",
        """\
maintenance:
  - {name: p, days: [sun]}
""",
        "pacs-monitor.yml:2: maintenance[0].for: is missing; add it: how long it lasts",
    ),
    row(
        "maintenance on a date that is none",
        """\
maintenance:
  - {name: p, on: tomorrow, for: 1h}
""",
        "pacs-monitor.yml:2: maintenance[0].on: tomorrow is not a date; write it as 2026-12-31",
    ),
    row(
        "maintenance of a node that does not exist",
        """\
nodes: [{name: ct1}]
maintenance:
  - {name: p, nodes: [ct2], days: sun, for: 6h}
""",
        "pacs-monitor.yml:3: maintenance[0].nodes[0]: there is no node ct2; did you mean ct1?",
    ),
    row(
        "maintenance by a label that does not exist",
        """\
nodes: [{name: ct1}]
maintenance:
  - {name: p, nodes: {rolle: modality}, days: sun, for: 6h}
""",
        "pacs-monitor.yml:3: maintenance[0].nodes.rolle: no node has a label rolle; did you mean role?",
    ),
    row(
        "maintenance of a node not in a list",
        """\
nodes: [{name: ct1}]
maintenance:
  - {name: p, nodes: ct1, days: sun, for: 6h}
""",
        "pacs-monitor.yml:3: maintenance[0].nodes: is neither a list nor a mapping; write [a, b] or {name: value}",
    ),
    row(
        "maintenance by a list of values",
        """\
nodes: [{name: ct1}]
maintenance:
  - {name: p, nodes: {role: [a]}, days: sun, for: 6h}
""",
        "pacs-monitor.yml:3: maintenance[0].nodes.role: is a list or a mapping where one value belongs; write one",
    ),
    row(
        "a health requirement without =",
        "health: {require: [critical]}\n",
        "pacs-monitor.yml:1: health.require[0]: critical is not label=value; write for example importance=critical",
    ),
    row(
        "a health requirement of a label that does not exist",
        """\
nodes: [{name: a}]
health: {require: [rolle=archive]}
""",
        "pacs-monitor.yml:2: health.require[0]: no node has a label rolle; did you mean role?",
    ),
    row(
        "more healthy nodes than there are",
        """\
nodes: [{name: a, role: archive}]
health: {min_healthy: {role=archive: 2}}
""",
        "pacs-monitor.yml:2: health.min_healthy.role=archive: 2 nodes cannot be healthy: only 1 have role=archive; lower it",
    ),
    row(
        "no healthy node at all",
        """\
nodes: [{name: a, role: archive}]
health: {min_healthy: {role=archive: 0}}
""",
        "pacs-monitor.yml:2: health.min_healthy.role=archive: 0 is too small; write 1 or more",
    ),
    row(
        "a self-check of a node that does not exist",
        "self_check: {nodes: [gateway]}\n",
        "pacs-monitor.yml:1: self_check.nodes[0]: there is no node gateway; there is none yet",
    ),
    row(
        "a label that Prometheus owns",
        """\
nodes:
  - {name: a, labels: {job: x}}
""",
        "pacs-monitor.yml:2: nodes[0].labels.job: the label job has a meaning of its own; rename it",
    ),
    row(
        "a label with a hyphen",
        """\
nodes:
  - {name: a, labels: {a-b: x}}
""",
        "pacs-monitor.yml:2: nodes[0].labels.a-b: a-b is not the name of a label; use a-z, A-Z, 0-9 and '_', not first a digit",
    ),
    row(
        "a label that a check declares",
        """\
nodes:
  - {name: a, labels: {mount: x}}
""",
        "pacs-monitor.yml:2: nodes[0].labels.mount: the check space gives its series a label mount already; rename it",
    ),
    row(
        "a reserved label for series",
        "metrics: {labels: [site]}\n",
        "pacs-monitor.yml:1: metrics.labels[0]: the label site has a meaning of its own; remove it",
    ),
    row(
        "two ways to say who is told",
        """\
alerting: {routes: am.yml}
notify: {}
""",
        "pacs-monitor.yml:1: alerting.routes: an Alertmanager file and `notify` both say who is told; keep one of the two",
        files={"am.yml": "route: {receiver: r}\nreceivers: [{name: r}]"},
    ),
    row(
        "an Alertmanager file that is missing",
        "alerting: {routes: am.yml}\n",
        "pacs-monitor.yml:1: alerting.routes: there is no file am.yml; check the name",
    ),
    row(
        "too many workers",
        "workers: 100\n",
        "pacs-monitor.yml:1: workers: 100 is too large; write 64 or less",
    ),
    row(
        "workers that are no number",
        "workers: many\n",
        "pacs-monitor.yml:1: workers: many is not a whole number; write for example 3",
    ),
    row(
        "a folder of checks that does not exist",
        "check_dirs: [mine]\n",
        "pacs-monitor.yml:1: check_dirs[0]: there is no folder mine; make it, or check the name",
    ),
    row(
        "a check with a syntax error",
        """\
check_dirs: [mine]
checks:
  - mine: {}
""",
        "mine/mine.py:3: is not Python: invalid syntax; mend this line, or the one before it",
        files={"mine/mine.py": "from pacs_monitor.check import Check\n\nclass Mine(Check:\n    pass\n"},
    ),
    row(
        "a check that cannot be imported",
        "check_dirs: [mine]\n",
        "mine/mine.py:2: cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'; install it for the Python that runs pacs-monitor, or mend this line",
        files={"mine/mine.py": "import os\nimport no_such_module\n"},
    ),
    row(
        "a data directory that cannot be made",
        "data_dir: /dev/null/x\n",
        "pacs-monitor.yml:1: data_dir: /dev/null/x cannot be made (Not a directory); make it, and give it to the user that runs pacs-monitor",
    ),
    row(
        "a CSV file that is missing",
        """\
nodes_from:
  - {file: no.csv}
""",
        "pacs-monitor.yml:2: nodes_from[0].file: no.csv: there is no such file; check the name",
    ),
    row(
        "wrong cells in a CSV file",
        """\
nodes_from:
  - {file: m.csv, columns: {name: Device, host: IP, port: Port}}
""",
        "m.csv:3: Port: 70000 is not a TCP port (1 to 65535)",
        "m.csv:4: Device: 'ct 3' is not a name; use up to 64 letters, digits, '.', '-' and '_', first a letter or digit",
        files={"m.csv": "Device;IP;Port\nct1;10.0.0.1;104\nct2;10.0.0.2;70000\nct 3;10.0.0.3;104\n"},
    ),
    row(
        "columns that do not exist",
        """\
nodes_from:
  - {file: m.csv, columns: {name: Device, host: IPs, prt: Port}}
""",
        "pacs-monitor.yml:2: nodes_from[0].columns.host: m.csv has no column named IPs; did you mean IP?",
        "pacs-monitor.yml:2: nodes_from[0].columns.prt: is no setting of a node that a column may hold; did you mean port?",
        files={"m.csv": "Device;IP;Port\nct1;10.0.0.1;104\n"},
    ),
    row(
        "a CSV file without names",
        """\
nodes_from:
  - {file: m.csv}
""",
        "pacs-monitor.yml:2: nodes_from[0].file: no column of m.csv gives the nodes' name; write `columns: {name: ...}`",
        files={"m.csv": "Device;IP;Port\nct1;10.0.0.1;104\n"},
    ),
    row(
        "a CSV row without a name",
        """\
nodes_from:
  - {file: m.csv}
""",
        "m.csv:2: name: is empty; write for example ct1",
        files={"m.csv": "name;host\n;10.0.0.1\n"},
    ),
    row(
        "a CSV row that is too long",
        """\
nodes_from:
  - {file: m.csv}
""",
        "m.csv:2: has 4 columns, but the header has 3; put text with ',' in quotes",
        files={"m.csv": "name,host,notes\nct1,10.0.0.1,second floor, left\n"},
    ),
    row(
        "a CSV quote that is not closed",
        """\
nodes_from:
  - {file: m.csv}
""",
        "m.csv:2: has a quote that is not closed; close it",
        files={"m.csv": 'name,host,notes\nct1,10.0.0.1,"second floor\nct2,b,c\n'},
    ),
    row(
        "a CSV quote inside a text",
        """\
nodes_from:
  - {file: m.csv}
""",
        'm.csv:2: has text after a closing quote; write "" for a quote inside a text',
        files={"m.csv": 'name,host,notes\nct1,10.0.0.1,"second" floor\n'},
    ),
    row(
        "a CSV file that is not UTF-8",
        """\
nodes_from:
  - {file: m.csv}
""",
        "m.csv:3: is not UTF-8; save the file with the encoding UTF-8",
        files={"m.csv": b"name,notes\nct1,a\nct2,M\xfcnchen\n"},
    ),
    row(
        "a CSV row with the name of another node",
        """\
nodes: [{name: ct1}]
nodes_from:
  - {file: m.csv}
""",
        "m.csv:2: name: ct1 is also the node in pacs-monitor.yml:1; rename one of the two",
        files={"m.csv": "name,host\nct1,10.0.0.1\n"},
    ),
    row(
        "an empty CSV file",
        """\
nodes_from:
  - {file: m.csv}
""",
        "m.csv:1: is empty; write a header and a row for each node",
        files={"m.csv": ""},
    ),
    row(
        "a CSV row with a profile that does not exist",
        """\
nodes_from:
  - {file: m.csv}
""",
        "m.csv:2: profile: there is no profile modality; define it in a section `profiles`, as in `profiles: {modality: [c_echo]}`",
        files={"m.csv": "name,profile\nct1,modality\n"},
    ),
    row(
        "a CSV row that lacks what its check needs",
        """\
profiles: {m: [greet]}
nodes_from:
  - {file: m.csv, defaults: {profile: m}}
""",
        "m.csv:2: port: the check greet needs it; set it on the node, for example port: 4242",
        files={"m.csv": "name,host,port,ae_title\nct1,10.0.0.1,,CT1\n"},
    ),
    row(
        "wrong defaults for a CSV file",
        """\
nodes_from:
  - {file: m.csv, defaults: {importanc: low, name: x}}
""",
        "pacs-monitor.yml:2: nodes_from[0].defaults.name: cannot be the same for all nodes; remove it",
        "pacs-monitor.yml:2: nodes_from[0].defaults.importanc: there is no such setting of a node; did you mean importance?",
        files={"m.csv": "name,host\nct1,10.0.0.1\n"},
    ),
    row(
        "wrong nodes in a YAML file of nodes",
        """\
nodes_from:
  - {file: m.yml}
""",
        "m.yml:1: nodes[0].port: 0 is not a TCP port (1 to 65535)",
        "m.yml:2: nodes[1]: is not a node; write `- {name: ct1, host: 10.0.1.7}`",
        files={"m.yml": "- {name: a, port: 0}\n- b\n"},
    ),
    row(
        "a malformed YAML file of nodes",
        """\
nodes_from:
  - {file: m.yml}
""",
        "m.yml:1: opens a bracket that is not closed; close it with }",
        files={"m.yml": "- {name: a\n"},
    ),
    row(
        "a YAML file of nodes that is missing",
        """\
nodes_from:
  - {file: m.yml}
""",
        "pacs-monitor.yml:2: nodes_from[0].file: m.yml: there is no such file; check the name",
    ),
    row(
        "nodes from no file",
        """\
nodes_from:
  - {columns: {name: x}}
""",
        "pacs-monitor.yml:2: nodes_from[0]: names nothing to read; write `file: modalities.csv`",
    ),
    row(
        "a file's name where a list belongs",
        "nodes_from: m.csv\n",
        "pacs-monitor.yml:1: nodes_from: is not a list; begin each entry with '- ', as in `- file: modalities.csv`",
    ),
    row(
        "nodes from a name alone",
        "nodes_from: [m.csv]\n",
        "pacs-monitor.yml:1: nodes_from[0]: is not a mapping; write `- file: modalities.csv`",
    ),
    row(
        "an alias without an anchor",
        "site: *north\n",
        "pacs-monitor.yml:1: *north refers to no anchor; write &north where its value is",
    ),
    row(
        "hours as a list",
        "hours: [a]\n",
        "pacs-monitor.yml:1: hours: is not a mapping; write `name: value` lines below it",
    ),
    row(
        "profiles as a list",
        "profiles: [a]\n",
        "pacs-monitor.yml:1: profiles: is not a mapping; write `name: [c_echo, ...]` lines below it",
    ),
    row(
        "a profile that is only a kind",
        "profiles: {a: greet}\n",
        "pacs-monitor.yml:1: profiles.a: is not a list of checks; begin each with '- ', as in `- c_echo: {interval: 1m}`",
    ),
    row(
        "one name for checks of two kinds",
        """\
profiles: {p: [greet: {name: x}]}
nodes:
  - {name: a, host: h, port: 104, ae_title: A, profile: p, checks: [deposit: {name: x}]}
""",
        "pacs-monitor.yml:3: nodes[0].checks.deposit: x is a check of the kind greet already; give this one another `name`",
    ),
    row(
        "a user identity without a name",
        """\
nodes:
  - {name: a, user_identity: {password_file: p}}
""",
        "pacs-monitor.yml:2: nodes[0].user_identity.username: is missing; add it: the user's name",
        files={"p": "x"},
    ),
]


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize(("text", "messages", "files"), MISTAKES)
def test_a_mistake_is_told_with_its_line_its_setting_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | bytes, messages: list[str], files: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT_TEXT", "sekret-port")
    monkeypatch.setenv("HOST_TEXT", "bad host value")
    write(Path("pacs-monitor.yml"), text)
    for name, content in files.items():
        write(Path(name), content)
    with pytest.raises(ConfigError) as mistakes:
        load(Path("pacs-monitor.yml"), KINDS, data_dir="data_dir" in str(text))
    assert [str(complaint) for complaint in mistakes.value.complaints] == messages
