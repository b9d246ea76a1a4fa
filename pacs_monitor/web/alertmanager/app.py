"""Which path of Alertmanager's API is answered by what."""

from __future__ import annotations

from starlette.routing import Route

from pacs_monitor.web.alertmanager.alerts import Alerts
from pacs_monitor.web.alertmanager.groups import Groups
from pacs_monitor.web.alertmanager.serving import Desk, Methods, no_such_path
from pacs_monitor.web.alertmanager.silences import Silences
from pacs_monitor.web.alertmanager.status import Status


def alertmanager_routes(desk: Desk) -> list[Route]:
    """All below `/api/v2`."""
    alerts, groups, silences, status = Alerts(desk), Groups(desk), Silences(desk), Status(desk)
    return [
        Route("/api/v2/status", Methods(get=status.get)),
        Route("/api/v2/receivers", Methods(get=status.receivers)),
        Route("/api/v2/alerts", Methods(get=alerts.get, post=alerts.post)),
        Route("/api/v2/alerts/groups", Methods(get=groups.get)),
        Route("/api/v2/silences", Methods(get=silences.get, post=silences.post)),
        Route("/api/v2/silence/{id}", Methods(get=silences.get_one, delete=silences.delete)),
        Route("/api/v2/{rest:path}", Methods(**dict.fromkeys(("get", "post", "put", "delete"), no_such_path))),
    ]
