"""The same requests to the agent and to Debian's Alertmanager give the same answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.alertmanager.peer import Same, run_alertmanager

LATER, LATEST = "2126-01-01T00:00:00Z", "2127-01-01T00:00:00Z"


class Both:
    """Two servers that are asked alike."""

    def __init__(self, ours: httpx.AsyncClient, theirs: httpx.AsyncClient) -> None:
        self._clients = {"ours": ours, "theirs": theirs}
        self._same = {"ours": Same(), "theirs": Same()}

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, tuple[int, str, Any]]:
        """What each says. `ID0` in path and body stands for the first id that was seen, and so on."""
        found = {}
        text = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        headers = {} if text is None else {"Content-Type": "application/json"}
        for name, client in self._clients.items():
            same = self._same[name]
            content = same.filled(text) if isinstance(text, str) else text
            answer = await client.request(
                method, f"/api/v2/{same.filled(path)}", content=content, **{"headers": headers, **options}
            )
            found[name] = same.of(answer)
        return found

    async def alike(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """What both say."""
        found = await self.ask(method, path, body, **options)
        assert found["ours"] == found["theirs"], (method, path, body)
        return found["ours"][2]


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_alertmanager(tmp_path_factory.mktemp("alertmanager")) as url:
        yield url


@pytest.fixture
async def both(ours: httpx.AsyncClient, tmp_path: Path) -> AsyncIterator[Both]:
    with run_alertmanager(tmp_path) as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as theirs:
            yield Both(ours, theirs)


def alert(name: str, **more: Any) -> dict[str, Any]:
    labels = {"alertname": name, **{key: value for key, value in more.items() if key in ("node", "severity", "job")}}
    return {"labels": labels, **{key: value for key, value in more.items() if key not in labels}}


def silence(*matchers: tuple[str, ...], **more: Any) -> dict[str, Any]:
    made = []
    for name, op, value in matchers:
        made.append({"name": name, "value": value, "isRegex": "~" in op, "isEqual": "!" not in op})
    base = {"matchers": made, "startsAt": "2020-01-01T00:00:00Z", "endsAt": LATER, "createdBy": "ana", "comment": "c"}
    return {**base, **more}


SOME = [
    alert("NodeDown", node="archive", severity="critical", annotations={"summary": "<b> & \u2028 ü"}),
    alert("CheckDown", node="archive", severity="warning", generatorURL="http://p.example/graph?g0.expr=a&b"),
    alert("CheckDown", node="ct1", severity="warning", startsAt="2020-01-01T10:00:00.123456789+02:00"),
    alert("NodeDown", node="ct2", severity="critical", endsAt=LATER),
    alert("Old", endsAt="2020-01-01T00:00:00Z"),
    alert("Jobless", job="a"),
    {"labels": {"only": "this", "empty": ""}},
]


async def test_alerts_silences_and_groups_from_posting_to_the_end(both: Both) -> None:
    for path in ("receivers", "alerts", "alerts/groups", "silences", "receivers?receiver=x"):
        await both.alike("GET", path)
    await both.alike("POST", "alerts", SOME)
    assert len(await both.alike("GET", "alerts")) == 6
    groups = await both.alike("GET", "alerts/groups")
    assert len(groups) == 6
    await both.alike("POST", "silences", silence(("node", "=~", "ct.*"), ("severity", "!=", "critical")))
    await both.alike("POST", "silences", silence(("only", "!~", "x|y"), ("only", "=", "this"), endsAt=LATEST))
    await both.alike("POST", "silences", silence(("a", "=", "b"), startsAt=LATER, endsAt=LATEST))
    for query in (
        "",
        "?silenced=false",
        "?inhibited=false",
        "?active=false",
        "?active=false&silenced=false",
        "?active=nonsense",
        "?active=TRUE&silenced=1&inhibited=on",
        "?unprocessed=false",
        "?filter=node%3D~%22ct.%2B%22",
        "?filter=node!%3D%22%22&filter=severity%3Dcritical",
        "?filter=job%3D%22%22",
        "?receiver=team",
        "?receiver=te",
        "?receiver=pager|chat",
        "?receiver=",
    ):
        await both.alike("GET", f"alerts{query}")
        await both.alike("GET", f"alerts/groups{query}")
    for query in ("", "?filter=node%3D~%22ct.*%22", "?filter=node%3D%22ct.*%22", "?filter=nobody%3Dhere"):
        await both.alike("GET", f"silences{query}")
    await both.alike("GET", "silence/ID0")
    # Edited in place, then replaced, then ended, and ended once more.
    edited = silence(
        ("node", "=~", "ct.*"),
        ("severity", "!=", "critical"),
        id="ID2",
        comment="longer",
        endsAt="2125-01-01T00:00:00Z",
    )
    await both.ask("GET", "silences")
    await both.alike("POST", "silences", silence(("a", "=", "b"), startsAt=LATER, endsAt=LATEST, id="ID2", comment="d"))
    await both.alike("POST", "silences", {**edited, "matchers": silence(("new", "=", "1"))["matchers"]})
    await both.alike("GET", "silences")
    for _ in range(2):
        await both.alike("DELETE", "silence/ID0")
    await both.alike("GET", "silence/ID0")
    await both.alike("GET", "silences")
    await both.alike("GET", "alerts")
    # It is over, and begins anew.
    await both.alike(
        "POST", "alerts", [alert("NodeDown", node="ct2", severity="critical", endsAt="2020-01-01T00:00:00Z")]
    )
    await both.alike("GET", "alerts")
    await both.alike("POST", "alerts", [alert("NodeDown", node="ct2", severity="critical")])
    await both.alike("GET", "alerts")


async def test_an_alert_in_another_encoding_is_taken_with_its_letters_replaced(both: Both) -> None:
    await both.alike("POST", "alerts", '[{"labels": {"alertname": "Röntgen", "node": "größer"}}]'.encode("latin-1"))
    (told,) = await both.alike("GET", "alerts")
    assert told["labels"] == {"alertname": "R\ufffdntgen", "node": "gr\ufffd\ufffder"}


BAD_ALERTS: tuple[Any, ...] = (
    "null",
    [],
    [{}],
    [{"labels": None}],
    [{"labels": {}}],
    [{"labels": {"a": ""}}],
    [{"labels": {"": "b"}}],
    [{"labels": {"a": "b"}, "annotations": {"": "x"}}],
    [{"labels": {"a": "b"}, "generatorURL": "not a url"}],
    [{"labels": {"a": "1"}, "startsAt": "2120-01-01T00:00:00Z"}],
    [{"labels": {"a": "1"}, "startsAt": "0001-01-01T00:00:00Z", "endsAt": None, "annotations": None}],
    [{"labels": {"a": "2"}, "startsAt": "", "more": 5}],
    [{"labels": {"a": "3"}, "startsAt": "2020-01-01 10:00:00"}],
    [
        {"labels": {"": "4"}},
        {"labels": {"a": "4"}},
        {"labels": {"a": "5"}, "startsAt": "2020-01-02T00:00:00Z", "endsAt": "2020-01-01T00:00:00Z"},
    ],
    r'[{"labels": {"a": "\ud800"}}]',
    "",
)
BAD_SILENCES: tuple[Any, ...] = (
    "",
    "null",
    {},
    {"comment": "c"},
    {"comment": "c", "createdBy": "x", "endsAt": LATER},
    silence(),
    silence(("a", "=", "b"), startsAt=None),
    silence(("a", "=", "b"), startsAt=LATEST),
    silence(("a", "=", "b"), endsAt="2020-01-02T00:00:00Z"),
    silence(("a", "=", "b"), id="nope"),
    silence(("a", "=", "b"), id="00000000-0000-0000-0000-000000000000"),
    silence(("a", "=", "")),
    silence(("a", "=~", ".*")),
    silence(("a", "!=", "b")),
    silence(("", "=", "b")),
    {**silence(), "matchers": [{}]},
    {**silence(), "matchers": [{"isRegex": False, "name": "a"}]},
    silence(("a", "=", "b"), createdBy="", comment="", endsAt=LATEST),
)


async def test_what_is_refused_is_refused_in_the_same_words(both: Both) -> None:
    for body in BAD_ALERTS:
        await both.alike("POST", "alerts", body)
    await both.alike("GET", "alerts")
    for body in BAD_SILENCES:
        await both.alike("POST", "silences", body)
    await both.alike("GET", "silences")
    for path in (
        "alerts?filter=foo",
        "alerts?filter=",
        "alerts/groups?filter=foo",
        "silences?filter=a",
        "alerts?filter=%7Ba%3D%22b%22%7D",
        "silence/x",
        "silence/00000000-0000-0000-0000-000000000000",
        "nowhere",
        "silence/",
    ):
        await both.alike("GET", path)
    for method in ("PUT", "PATCH", "HEAD"):
        await both.alike(method, "alerts")
    await both.alike("PUT", "silence/x")
    await both.alike("DELETE", "silence/x")
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        await both.alike("POST", "alerts", "[]", headers={"Content-Type": kind})
    await both.alike("POST", "alerts", "[]", headers={"Content-Type": "application/json; charset=utf-8"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("alerts", "x"),
        ("alerts", "{}"),
        ("alerts", '"x"'),
        ("alerts", "[5]"),
        ("alerts", '[{"labels": {"a": 1}}]'),
        ("alerts", '[{"labels": []}]'),
        ("alerts", '[{"labels": {"a": "1"}, "startsAt": "x"}]'),
        ("alerts", '[{"labels": {"a": "1"}, "startsAt": "2020-01-01"}]'),
        ("alerts", '[{"labels": {"a": "1"}, "generatorURL": 5}]'),
        ("alerts", '[{"labels": {"a": "1"'),
        ("silences", "[]"),
        ("silences", '{"matchers": "x"}'),
        ("silences", '{"matchers": [{"name": "a", "value": "b", "isRegex": "x"}]}'),
        ("silences", json.dumps(silence(("a", "=~", "(")))),
        ("alerts?filter=a%3D~%22(%22", None),
        ("alerts?receiver=(", None),
    ],
)
async def test_only_the_words_differ_for_what_cannot_be_read(
    ours: httpx.AsyncClient, alertmanager: str, path: str, body: str | None
) -> None:
    """Ours are not those of Go's decoder, and hold nothing of the body."""
    async with httpx.AsyncClient(base_url=alertmanager, trust_env=False) as theirs:
        said = []
        for client in (ours, theirs):
            url, headers = f"/api/v2/{path}", {"Content-Type": "application/json"}
            answer = await (client.get(url) if body is None else client.post(url, content=body, headers=headers))
            told = answer.json()
            said.append((answer.status_code, told["code"] if isinstance(told, dict) else 0, type(told)))
    assert said[0] == said[1]


async def test_where_it_differs_by_intent(both: Both) -> None:
    """Named in docs/api.md."""
    # A name of any characters, as in 0.27.
    found = await both.ask("POST", "alerts", [{"labels": {"böse Farbe": "x"}}])
    assert (found["ours"][0], found["theirs"][0]) == (200, 400)
    # What is not there is not a fault of the server, as in 0.27.
    found = await both.ask("DELETE", "silence/00000000-0000-0000-0000-000000000000")
    assert found["ours"] == (404, "application/json", "silence not found")
    assert found["theirs"] == (500, "application/json", "silence not found")
