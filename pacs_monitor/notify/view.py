"""Notifications as templates see them. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from pacs_monitor.notify.alert_view import AlertView, alert_view, link, local, texts_of
from pacs_monitor.notify.headline import headline, tag_of, worst
from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.plain import one_line
from pacs_monitor.notify.words import LANGUAGES, Words, language_of, moment_in_words


@dataclass(frozen=True, slots=True)
class NotificationView:
    """All that a template can use."""

    status: str
    """`firing` if any alert is, else `resolved`."""
    reason: str
    """Why it is sent: `new`, `changed`, `resolved`, `repeat`, `escalation`, `digest`, `reminder`, `test` or `late`."""
    test: bool
    late: bool
    """Whether all of it began and ended before it could be delivered."""
    subject: str
    headline: str
    """The subject without the tag in front."""
    tag: str
    """`CRITICAL`, `RESOLVED`, `TEST` ..."""
    severity: str
    """The worst of what fires, or of what has ended."""
    site: str
    receiver: str
    alerts: tuple[AlertView, ...]
    news: tuple[AlertView, ...]
    """What began to fire, and this receiver has not heard of."""
    firing: tuple[AlertView, ...]
    """What goes on firing."""
    resolved: tuple[AlertView, ...]
    told: tuple[str, ...]
    """Who was told before."""
    next_step: str
    note: str
    """What else is to be said of it, such as that another receiver could not be reached."""
    acknowledge: str
    """A link; "" without one."""
    url: str
    """The agent's page; "" without one."""
    sent: str
    """When it was put together."""
    unsaved: bool
    key: str
    group_key: str
    dedup_key: str
    """The same for all notifications of this group to this receiver, short enough for anybody."""
    group_labels: Mapping[str, str]
    common_labels: Mapping[str, str]
    common_annotations: Mapping[str, str]
    links: Mapping[str, str]
    language: str
    words: Words
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Those of the receiver, by name."""


def _as_a_test(notification: Notification) -> Notification:
    """Alerts that somebody raised to try whether they arrive (`test="true"`) say nothing of what their node does."""
    alerts = notification.alerts
    if not alerts or any(alert.labels.get("test") != "true" for alert in alerts):
        return notification
    return replace(notification, reason="test", alerts=tuple(replace(alert, facts={}) for alert in alerts))


def view_of(notification: Notification, zone: tzinfo, site: str, language: str = "en") -> NotificationView:
    """A notification as templates see it, without the secrets."""
    language = language_of(language)
    words = LANGUAGES[language]
    notification = _as_a_test(notification)
    last = max((alert.ends_at or alert.starts_at for alert in notification.alerts), default=0)
    now = local(max(notification.queued_at, last), zone)
    told = notification.alerts
    if notification.reason in ("new", "test") and not any(alert.new for alert in told):
        told = tuple(replace(alert, new=True) for alert in told)
    page = link(notification.external_url)
    alerts = tuple(alert_view(alert, now, zone, language, page) for alert in told)
    firing = tuple(alert for alert in alerts if alert.status == "firing")
    resolved = tuple(alert for alert in alerts if alert.status == "resolved")
    news = tuple(alert for alert in firing if alert.new)
    sites = {alert.site for alert in alerts if alert.site}
    severity = worst(alert.severity for alert in firing or resolved)
    late = bool(alerts) and all(alert.late for alert in alerts)
    site = sites.pop() if len(sites) == 1 else "" if sites else one_line(site, 64)
    tag = tag_of(notification, severity, words)
    ordered = (*news, *(alert for alert in firing if not alert.new))
    said = headline(ordered or resolved, site, late, notification.reason, language, new=len(news), over=len(resolved))
    group = f"{notification.receiver}\0{notification.group_key}"
    return NotificationView(
        status=notification.status,
        reason=notification.reason,
        test=notification.reason == "test",
        late=late,
        subject=f"[{tag}] {said}",
        headline=said,
        tag=tag,
        severity=severity,
        site=site,
        receiver=one_line(notification.receiver, 100),
        alerts=alerts,
        news=news,
        firing=tuple(alert for alert in firing if not alert.new),
        resolved=resolved,
        told=tuple(one_line(one, 200) for one in notification.told),
        next_step=one_line(notification.next_step, 300),
        note=one_line(notification.note, 500),
        acknowledge=link(notification.links.get("acknowledge", "")),
        url=page,
        sent=moment_in_words(now, now, words),
        unsaved=notification.unsaved,
        key=notification.key,
        group_key=notification.group_key,
        dedup_key=hashlib.sha256(group.encode("utf-8", "replace")).hexdigest()[:32],
        group_labels=texts_of(notification.group_labels),
        common_labels=texts_of(notification.common_labels),
        common_annotations=texts_of(notification.common_annotations),
        links={name: found for name, one in notification.links.items() if (found := link(one))},
        language=language,
        words=words,
    )
