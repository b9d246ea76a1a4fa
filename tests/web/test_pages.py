import base64
import hashlib
import re

import httpx

from pacs_monitor.web.landing import MOST_ROWS
from tests.hospital import NOW, Site, check, configuration, hospital, node
from tests.web.conftest import Serve
from tests.web.support import Agent


def rows(page: str) -> list[str]:
    return [re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", row)).strip() for row in page.split("<tr class=")[1:]]


async def test_the_page_tells_what_is_wrong_first_and_what_to_do(client: httpx.AsyncClient, agent: Agent) -> None:
    agent.site.up("archive")
    agent.site.give("archive", "rejected", "ORTHANC does not know us; register PACSMON there", name="c_find")
    agent.site.down("ct")
    agent.site.now += 30
    page = (await client.get("/")).text
    assert '<h1 class="bad">1 of 4 checks is down</h1>' in page
    assert [row.split(">")[-1].split()[:4] for row in rows(page)] == [
        ["✕", "down", "for", "30"],
        ["!", "failing", "1", "of"],
        ["?", "unknown", "disk", "It"],
        ["✓", "healthy", "for", "30"],
    ]
    assert "rejected ORTHANC does not know us; register PACSMON there" in rows(page)[0]


async def test_a_page_without_problems_says_so(client: httpx.AsyncClient, agent: Agent) -> None:
    agent.site.up("archive", "ct")
    agent.site.give("archive", name="c_find")
    agent.site.give("", name="disk")
    page = (await client.get("/")).text
    assert "All 4 checks are healthy" in page
    assert "<title>All well" in page


async def test_what_a_check_says_is_never_html(serve: Serve) -> None:
    canary = "<script>alert(1)</script>\"'&"
    ct = node("ct")
    agent = Agent(Site(configuration([ct], [check(ct)])))
    agent.site.give("ct", "aborted", canary)
    agent.problems = [canary]
    page = (await (await serve(agent)).get("/")).text
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;") == 2


async def test_the_page_allows_its_own_style_and_nothing_else(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    style = re.search("<style>(.*)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    for link in ("/metrics", "/health", "/-/ready", "/api/status", "https://docs.example/"):
        assert f'href="{link}"' in answer.text


async def test_a_suppressed_check_stands_below_and_says_by_what(serve: Serve) -> None:
    nodes = [node("switch"), node("ct", reached_through=["switch"]), node("mr")]
    agent = Agent(Site(hospital(*nodes)))
    agent.site.up("mr")
    agent.site.down("switch", "ct")
    page = (await (await serve(agent)).get("/")).text
    assert "1 of 3 checks is down" in page
    assert ["switch" in rows(page)[0], "ct" in rows(page)[1], "mr" in rows(page)[2]] == [True, True, True]
    assert "No alert starts: its network parents fail" in rows(page)[1]


async def test_a_page_of_a_large_site_shows_the_worst_and_how_many_more_there_are(serve: Serve) -> None:
    agent = Agent(Site(hospital(*(node(f"n{place}") for place in range(MOST_ROWS + 50)))))
    agent.site.down("n300")
    page = (await (await serve(agent)).get("/")).text
    assert len(rows(page)) == MOST_ROWS
    assert "n300" in rows(page)[0]
    assert "And 50 more that are no worse" in page


async def test_a_page_without_checks_says_where_to_add_them(serve: Serve) -> None:
    page = (await (await serve(Agent(Site(configuration([], []))))).get("/")).text
    assert "Nothing is checked yet" in page
    assert "pacs-monitor.yml" in page


async def test_status_tells_each_check_in_figures(client: httpx.AsyncClient, agent: Agent) -> None:
    agent.site.give("archive", connect=0.001)
    agent.site.down("ct")
    told = (await client.get("/api/status")).json()
    assert (told["site"], told["version"], told["cut_off"], told["problems"]) == ("north", "1.2.3", False, [])
    checks = {(one["node"], one["check"]): one for one in told["checks"]}
    assert checks["archive", "c_echo"] == {
        "node": "archive",
        "check": "c_echo",
        "kind": "c_echo",
        "state": "healthy",
        "healthy": True,
        "since": NOW,
        "streak": 0,
        "down_after": 1,
        "up_after": 1,
        "interval": 15.0,
        "up": True,
        "last_run": NOW,
        "last_success": NOW,
        "duration": 0.01,
        "reason": "",
        "message": "",
        "suppressed_by": [],
        "runs": 1,
        "failures": 0,
        "samples": [{"name": "pacs_dicom_phase_seconds", "labels": {"phase": "connect"}, "value": 0.001}],
    }
    ct = checks["ct", "c_echo"]
    assert (ct["state"], ct["streak"], ct["down_after"], ct["reason"]) == ("failing", 1, 3, "timeout")
    assert checks["", "disk"]["state"] == "unknown"
    only = (await client.get("/api/status?node=archive&check=c_find")).json()["checks"]
    assert [one["check"] for one in only] == ["c_find"]


async def test_a_check_that_has_given_nothing_for_too_long_is_unknown(client: httpx.AsyncClient, agent: Agent) -> None:
    agent.site.up("ct")
    agent.site.now += 600
    told = (await client.get("/api/status?node=ct")).json()["checks"][0]
    assert told["state"] == "unknown"
    assert "It has given nothing for 3 intervals and its timeout" in (await client.get("/")).text
