"""Links to acknowledge by: what they let whom do, and what is told of those that do not work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from pacs_monitor.notify.notification import Notification, ToldAlert
from pacs_monitor.routing.acklinks import GOOD_FOR, Link, link_to, new_key, opened, token_of
from pacs_monitor.routing.definitions import Receiver, Route, Routing
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.service import Routes
from pacs_monitor.state import State
from pacs_monitor.web.auth import Access
from pacs_monitor.web.guesses import PER_MINUTE
from tests.web.conftest import Serve
from tests.web.support import Agent

NOW = int(time.time())
ROUTING = Routing(Route("team", group_by=("alertname",), group_wait=0), (Receiver("team"),))
BEYOND = Access(loopback=False)


def an_alert(node: str, ago: int = 60) -> RoutedAlert:
    labels = {"alertname": "NodeDown", "node": node, "severity": "critical"}
    return RoutedAlert(labels, {"summary": f"<{node}> does not answer"}, (NOW - ago) * 1000)


@pytest.fixture
def routes(tmp_path: Path) -> Iterator[Routes]:
    state = State(tmp_path / "state.db", "north")
    made = Routes(state, lambda *_: "", {})
    made.start(ROUTING, "")
    yield made
    made.stop(2.0)
    state.close()


def fire(routes: Routes, *alerts: RoutedAlert) -> None:
    routes.dispatcher.put(alerts).result(10)


def told(*alerts: RoutedAlert) -> list[ToldAlert]:
    return [ToldAlert("firing", one.labels, {}, one.starts_at, None, "", one.fingerprint) for one in alerts]


def token(routes: Routes, *alerts: RoutedAlert, by: str = "Ana", made: int = NOW) -> str:
    return token_of(link_to(by, '{}:{alertname="NodeDown"}', told(*alerts), made), routes.ack_key)


async def asked(serve: Serve, agent: Agent, routes: Routes) -> httpx.AsyncClient:
    agent.routes, agent.site.now = routes, float(NOW)
    return await serve(agent, BEYOND)


async def test_following_a_link_changes_nothing_and_the_button_takes_on(
    serve: Serve, agent: Agent, routes: Routes
) -> None:
    alert = an_alert("ct1")
    fire(routes, alert, an_alert("ct2"))
    client = await asked(serve, agent, routes)
    path = f"/ack/{token(routes, alert)}"
    assert (await client.head(path)).status_code == 200
    page = await client.get(path)
    assert (page.status_code, "Acknowledge as Ana" in page.text) == (200, True)
    assert "&lt;ct1&gt; does not answer" in page.text
    assert routes.dispatcher.engine.acknowledged == {}
    done = await client.post(path)
    assert "Ana has taken this on" in done.text
    assert "<form" not in done.text
    (ack,) = routes.dispatcher.engine.acknowledged.values()
    assert (ack.fingerprint, ack.by, ack.comment) == (alert.fingerprint, "Ana", "by the link in a notification")


async def test_a_browser_that_sends_no_origin_may_press_the_button(serve: Serve, agent: Agent, routes: Routes) -> None:
    alert = an_alert("ct1")
    fire(routes, alert)
    client = await asked(serve, agent, routes)
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin", "Host": "pacsmon.north.example"}
    assert (await client.post(f"/ack/{token(routes, alert)}", headers=headers)).status_code == 200
    assert list(routes.dispatcher.engine.acknowledged) == [alert.fingerprint]


async def test_who_has_taken_it_on_before_is_told_and_stays(serve: Serve, agent: Agent, routes: Routes) -> None:
    alert = an_alert("ct1")
    fire(routes, alert)
    client = await asked(serve, agent, routes)
    await client.post(f"/ack/{token(routes, alert)}")
    page = await client.post(f"/ack/{token(routes, alert, by='Dan')}")
    assert "Ana has taken this on" in page.text
    assert "Acknowledge as" not in page.text


async def test_of_what_is_over_nothing_is_left_to_take_on(serve: Serve, agent: Agent, routes: Routes) -> None:
    client = await asked(serve, agent, routes)
    page = await client.get(f"/ack/{token(routes, an_alert('ct1'))}")
    assert (page.status_code, "It is over" in page.text) == (200, True)


async def test_links_that_do_not_work_are_told_plainly(serve: Serve, agent: Agent, routes: Routes) -> None:
    alert = an_alert("ct1")
    fire(routes, alert)
    client = await asked(serve, agent, routes)
    good = token(routes, alert)
    forged = token_of(opened(good, routes.ack_key), new_key())
    for wrong in (forged, good[:-1], good[:10], "x", f"{good}AAAA", "A" * 2000):
        page = await client.post(f"/ack/{wrong}")
        assert (page.status_code, "This link does not work" in page.text) == (404, True)
    old = await client.post(f"/ack/{token(routes, alert, made=NOW - GOOD_FOR)}")
    assert (old.status_code, "This link is too old" in old.text) == (410, True)
    assert routes.dispatcher.engine.acknowledged == {}


async def test_whoever_guesses_is_stopped_and_a_right_link_from_there_still_works(
    serve: Serve, agent: Agent, routes: Routes
) -> None:
    alert = an_alert("ct1")
    fire(routes, alert)
    client = await asked(serve, agent, routes)
    answers = [(await client.get(f"/ack/wrong{count}")).status_code for count in range(PER_MINUTE + 2)]
    assert answers == [404] * PER_MINUTE + [429, 429]
    assert (await client.get(f"/ack/{token(routes, alert)}")).status_code == 200
    agent.site.now += 60
    assert (await client.get("/ack/wrong")).status_code == 404


async def test_the_page_is_kept_nowhere_and_loads_nothing(serve: Serve, agent: Agent, routes: Routes) -> None:
    client = await asked(serve, agent, routes)
    page = await client.get("/ack/wrong")
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Robots-Tag"] == "noindex"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "http" not in page.text.replace("http-equiv", "")


async def test_only_this_path_is_open_to_whoever_has_no_password(serve: Serve, agent: Agent, routes: Routes) -> None:
    client = await asked(serve, agent, routes)
    for path in ("/", "/ack", "/ack/", "/ack/x/y", "/ack/x.y", "/api/alerts", "/ack/%2e%2e/api/alerts"):
        assert (await client.get(path)).status_code == 403, path
    assert (await client.post("/-/reload")).status_code == 403


async def test_a_link_to_many_takes_on_all_of_the_group_that_had_begun(
    serve: Serve, agent: Agent, routes: Routes
) -> None:
    many = [an_alert(f"ct{number}") for number in range(20)]
    later = an_alert("later", ago=10)
    fire(routes, *many, later)
    client = await asked(serve, agent, routes)
    path = f"/ack/{token(routes, *many)}"
    assert len(path) < 150
    assert "20 alerts to acknowledge" in (await client.get(path)).text
    await client.post(path)
    assert set(routes.dispatcher.engine.acknowledged) == {one.fingerprint for one in many}


def test_a_token_says_what_was_signed() -> None:
    key, link = new_key(), Link("Dr. Ana Pöp", NOW, NOW - 5, (b"12345678", b"abcdefgh"))
    assert opened(token_of(link, key), key) == link
    assert opened(token_of(replace(link, of_group=True), key), key).of_group


def test_what_calls_nobody_to_act_has_no_link(routes: Routes) -> None:
    alert = an_alert("ct1")
    fire(routes, alert)
    content = Notification("k", "team", "email/0", "g", {}, tuple(told(alert)))
    assert opened(routes.ack_token(content), routes.ack_key).by == "team"
    assert routes.ack_token(replace(content, reason="digest")) == ""
    assert routes.ack_token(replace(content, alerts=(replace(content.alerts[0], status="resolved"),))) == ""
    routes.dispatcher.ask(lambda engine, at: engine.acknowledge(alert.fingerprint, "Dan", "", at)).result(10)
    assert routes.ack_token(content) == ""


def test_the_key_is_made_once(tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        state = State(tmp_path / "state.db", "north")
        made = Routes(state, lambda *_: "", {})
        made.start(ROUTING, "")
        keys.append(made.ack_key)
        made.stop(2.0)
        state.close()
    assert keys[0] == keys[1]
    assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0
