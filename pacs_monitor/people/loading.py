"""`people`, `on_call` and `notify`: checked, and made into a routing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from zoneinfo import ZoneInfo

from pacs_monitor.alerting.definitions import AlertingRule, RuleGroup
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Map, below
from pacs_monitor.people.checking import check_people
from pacs_monitor.people.compiling import compile_rules
from pacs_monitor.people.roster import Roster
from pacs_monitor.people.ways import HasTemplate, ways_of
from pacs_monitor.people.written import Written, written
from pacs_monitor.routing.definitions import NO_SECRET, Email, Integration, Receiver, Routing, Webhook
from pacs_monitor.settings import AgentSettings, ReceiverSettings

SECTIONS = ("people", "on_call", "notify")
_SILENT = "none"
"""The severity of alerts that are told to no people: a dead man's switch."""


def load_people(agent: AgentSettings, root: Map, findings: Findings, rules: Iterable[RuleGroup]) -> Routing | None:
    """Who is told by the sections; None without `notify` or after a complaint, which goes to the findings."""
    for section in SECTIONS:
        value = root.get(section)
        if value is not None and not isinstance(value, Map):
            findings.unread.add(value)
    said = written(root)
    if not (said.people or said.on_call or said.notify):
        return None
    zone = ZoneInfo("UTC" if findings.complained_within("time_zone") else agent.time_zone)
    plans = root.get("hours")
    hours = plans.entries if isinstance(plans, Map) else {}
    check_people(said, root, hours, _severities(rules), zone, findings)
    has = _templates(agent, said, findings)
    if said.notify is None or any(map(findings.complained_within, SECTIONS)) or findings.complained_within("hours"):
        return None
    if agent.external_url is None:
        message = "what people are told has no link to acknowledge by, as external_url is not set; set it"
        findings.warn(below(root, "notify"), message)
    assert agent.notify is not None
    roster = Roster(agent.people, agent.on_call, zone, dict(ways_of(agent.people, agent.notify.smtp, has)))
    return compile_rules(agent.notify, roster, agent.hours)


def _severities(rules: Iterable[RuleGroup]) -> set[str]:
    """Those that the rules give; what a template makes of one is not known."""
    every = (rule for group in rules for rule in group.rules if isinstance(rule, AlertingRule))
    texts = {rule.own_labels.get("severity", "") for rule in every}
    return {text for text in texts if text not in ("", _SILENT) and "{{" not in text}


def _templates(agent: AgentSettings, said: Written, findings: Findings) -> HasTemplate:
    dressed = [one for one in said.people.values() if one.settings.template or one.settings.secrets]
    if not dressed:
        return lambda name, kind: False
    from pacs_monitor.notify.attach import check_attached
    from pacs_monitor.notify.templates import Templates  # what renders templates takes long to import

    folders = [folder for folder in agent.alerting.templates if folder.is_dir()]
    templates = Templates(UTC, folders=folders)
    for person in dressed:
        told = person.settings
        ways: list[Integration] = [Email(told.email, "", "", 25)] if told.email else []
        ways += [Webhook(NO_SECRET)] if told.webhook else []
        settings = ReceiverSettings(template=told.template, language=told.language, secrets=told.secrets)
        check_attached(Receiver("", tuple(ways)), settings, person.tree, templates, folders, findings)
    return templates.has
