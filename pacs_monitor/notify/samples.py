"""Notifications to look at: made of the built-in alerts, for `pacs-monitor template preview` and for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

from pacs_monitor.notify.notification import Notification, ToldAlert

Sample = Literal["firing", "resolved", "group", "late", "test"]
SAMPLES: tuple[Sample, ...] = get_args(Sample)
_MINUTE = 60_000
_SECOND = 1000


def sample(
    name: Sample, now: int, external_url: str = "https://pacsmon.north.example", site: str = "north"
) -> Notification:
    """A notification of that kind, as if it had been put together now (milliseconds since 1970)."""
    made = _SAMPLES[name](now, site)
    links = {"acknowledge": f"{external_url}/ack/3xAmp1e"} if made.status == "firing" and name != "test" else {}
    return replace(made, external_url=external_url, queued_at=now, links=links)


def _firing(now: int, site: str) -> Notification:
    return _notification(
        [_node_down("archive", now - 5 * _MINUTE, site, **_REJECTED)],
        told=("PACS team (mail, 10:12)",),
        next_step="10 minutes from now Dr. North is called, unless somebody acknowledges",
    )


def _resolved(now: int, site: str) -> Notification:
    began = now - 30 * _MINUTE
    facts = {**_NODE, **_WELL}
    return _notification([_alert(began, site, _DOWN, "archive", ended=now - 20 * _SECOND, facts=facts)], "resolved")


def _group(now: int, site: str) -> Notification:
    began = now - 12 * _MINUTE
    modality = {"role": "modality", "importance": "normal"}
    silent = {
        "reason": "timeout",
        "sentence": "ct2 (10.0.1.8:104) did not answer in time; is it on, and does a firewall drop the packets?",
    }
    return _notification(
        [
            replace(_node_down("ct2", now - _MINUTE, site, **{**modality, **silent}), new=True),
            _node_down("archive", began, site, **_REJECTED),
            _node_down(
                "ct1",
                began + 2 * _MINUTE,
                site,
                **{**modality, **silent, "sentence": silent["sentence"].replace("ct2", "ct1")},
            ),
            _alert(began, site, _DOWN, "router", ended=now - _MINUTE, facts={**_WELL, "role": "router"}),
        ],
        "changed",
    )


def _late(now: int, site: str) -> Notification:
    alert = _alert(now - 480 * _MINUTE, site, _DOWN, "archive", ended=now - 450 * _MINUTE, facts={**_NODE, **_WELL})
    return _notification([replace(alert, late=True)], "late")


def _test(now: int, site: str) -> Notification:
    labels = {"alertname": "Test", "severity": "info"}
    says = {"summary": "Notifications of pacs-monitor arrive here.", "description": "Nothing has to be done."}
    return _notification([_alert(now, site, (labels, says), "")], "test")


_SAMPLES: Mapping[Sample, Callable[[int, str], Notification]] = {
    "firing": _firing,
    "resolved": _resolved,
    "group": _group,
    "late": _late,
    "test": _test,
}
_DOWN = (
    {"alertname": "NodeDown", "severity": "critical"},
    {
        "summary": "{node} is down at {site}",
        "description": "Checks of this node that are confirmed down: 1. The agent's page says why and what to try. To "
        "look again now: pacs-monitor probe {node}",
        "runbook": "docs/runbooks/NodeDown.md",
    },
)
_NODE: Mapping[str, Any] = {
    "role": "archive",
    "importance": "critical",
    "address": "10.0.0.5:4242",
    "ae_title": "ORTHANC",
    "notes": "hotline 0800 123, rack 4",
    "affected": ["ct1", "ct2", "mr1", "us1", "us2", "ws-reading-1", "ws-reading-2", "xr1", "xr2", "xr3", "xr4"],
    "affected_count": 11,
}
_REJECTED: Mapping[str, Any] = {
    **_NODE,
    "reason": "rejected",
    "sentence": "archive does not know our AE title PACSMON; register PACSMON there with this machine's address, or "
    "set ae_title to one that it knows",
    "phases": {"dns": 0.05, "connect": 0.42, "associate": 2.1},
}
_WELL: Mapping[str, Any] = {"check": "c_echo", "kind": "c_echo", "up": True, "took": 12.4}


def _node_down(node: str, began: int, site: str, **facts: Any) -> ToldAlert:
    known = {"check": "c_echo", "kind": "c_echo", "up": False, "last_success": began - 2 * _MINUTE, **facts}
    return _alert(began, site, _DOWN, node, facts=known)


def _alert(
    began: int,
    site: str,
    rule: tuple[Mapping[str, str], Mapping[str, str]],
    node: str,
    *,
    ended: int | None = None,
    facts: Mapping[str, Any] | None = None,
) -> ToldAlert:
    labels, says = rule
    known = facts or {}
    more = {name: str(known[name]) for name in ("role", "importance") if name in known}
    return ToldAlert(
        status="firing" if ended is None else "resolved",
        labels={**labels, "site": site, **({"node": node} if node else {}), **more},
        annotations={name: text.format(node=node, site=site) for name, text in says.items()},
        starts_at=began,
        ends_at=ended,
        generator_url="",
        fingerprint=hashlib.sha256(node.encode()).hexdigest()[:16],
        facts=known,
    )


def _notification(alerts: list[ToldAlert], reason: str = "new", **more: Any) -> Notification:
    return Notification(
        key=f"sample-{reason}",
        receiver="oncall",
        integration="email/0",
        group_key=f'{{}}:{{alertname="{alerts[0].labels["alertname"]}"}}',
        group_labels={"alertname": alerts[0].labels["alertname"]},
        alerts=tuple(alerts),
        reason=reason,
        **more,
    )
