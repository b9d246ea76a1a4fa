"""What `pacs-monitor init` writes of people."""

from __future__ import annotations


def notify_text(server: str, address: str) -> str:
    """The sections, with scalars of YAML; as comments without an address."""
    return _NOTIFY.format(server=server, address=address) if address else _NOBODY_TOLD


_NOTIFY = """\
# Who is told of alerts: docs/people.md shows who is on call, pagers and escalation.
people:
  admin: {{email: {address}}}
notify:
  smtp: {{host: {server}, from: {address}}}
  rules:
    - {{severity: [critical, warning], to: admin}}
    - {{to: admin, digest: "07:30"}}
"""

_NOBODY_TOLD = """\
# Who is told of alerts: docs/people.md begins with a first test. Without it, nothing alerts.
# people:
#   ana: {email: ana@north.example, pager: 5551@sms.north.example}
#   dan: {email: dan@north.example, pager: 5552@sms.north.example}
# on_call:
#   pacs: {rotation: [ana, dan], changes: monday 08:00}
# notify:
#   smtp: {host: mail.north.example, from: pacsmon@north.example}
#   rules:
#     - {severity: critical, to: on_call.pacs, by: [pager, email], escalate: [{after: 10m, to: next}]}
#     - {severity: warning, to: on_call.pacs, hours: clinic}
#     - {severity: info, to: ana, digest: "07:30"}
"""
