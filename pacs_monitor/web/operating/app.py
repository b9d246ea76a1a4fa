"""Which of the agent's own paths is answered by what."""

from __future__ import annotations

from starlette.routing import Route

from pacs_monitor.web.alertmanager.serving import Desk, Methods
from pacs_monitor.web.operating.acks import Acks
from pacs_monitor.web.operating.baselining import Baselining
from pacs_monitor.web.operating.explaining import Explaining
from pacs_monitor.web.operating.listing import Listing
from pacs_monitor.web.operating.maintaining import Maintaining
from pacs_monitor.web.operating.overview import Overview
from pacs_monitor.web.operating.trial import Trial
from pacs_monitor.web.status import Status


def operating_routes(desk: Desk, status: Status) -> list[Route]:
    """What the command line asks, beside Alertmanager's API."""
    acks, maintaining, baselines = Acks(desk), Maintaining(desk), Baselining(desk)
    return [
        Route("/api/overview", Methods(get=Overview(desk, status).get)),
        Route("/api/alerts", Methods(get=Listing(desk).get)),
        Route("/api/explain", Methods(get=Explaining(desk).get)),
        Route("/api/ack", Methods(post=acks.acknowledge)),
        Route("/api/unack", Methods(post=acks.take_back)),
        Route("/api/maintenance", Methods(get=maintaining.get, post=maintaining.post)),
        Route("/api/maintenance/{node}", Methods(delete=maintaining.delete)),
        Route("/api/baseline/{node}", Methods(get=baselines.get, post=baselines.post)),
        Route("/api/test", Methods(post=Trial(desk).post)),
    ]
