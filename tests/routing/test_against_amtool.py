"""Routes and matchers: what ours makes of a file, amtool makes of it, too."""

from __future__ import annotations

import json
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from pacs_monitor.routing.matching import BadMatcherError, parse_matchers, printed_all
from pacs_monitor.routing.matching_utf8 import read_triples
from pacs_monitor.routing.routefile import read_routes
from pacs_monitor.routing.tree import matching, shown_path, shown_tree
from tests.routing.amtool import amtool, drawn, receivers

ROUNDS = int(os.environ.get("PACS_MONITOR_ROUNDS", "200"))
SEED = zlib.crc32(os.environ.get("PACS_MONITOR_SEED", "").encode())
NAMES, VALUES, RECEIVERS = ("a", "b"), ("", "x", "y", "xy", 'x"\\\n'), ("r0", "r1", "r2", "r3", "r4")
REGEXES = ("x|y", "x.*", "", ".+", "[xy]", "(?i)X", "y?", ".", "xy|", r"x\"\\.")
at_any_length = pytest.mark.timeout(0 if "PACS_MONITOR_ROUNDS" in os.environ else 240)
thorough = settings(
    max_examples=ROUNDS,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@st.composite
def matchers(draw: st.DrawFn) -> str:
    name, op = draw(st.sampled_from(NAMES)), draw(st.sampled_from(["=", "!=", "=~", "!~"]))
    value = draw(st.sampled_from(REGEXES if "~" in op else (*VALUES, "x", "y")))
    space = draw(st.sampled_from(["", "", " "]))
    plain = value.isalnum() and draw(st.booleans())
    return f"{name}{space}{op}{space}{value if plain else quoted(value)}"


@st.composite
def matcher_lists(draw: st.DrawFn) -> list[str]:
    """One in each line, or several in braces."""
    some = draw(st.lists(matchers(), max_size=3))
    if draw(st.booleans()):
        return some
    return [f"{{{', '.join(some)}{draw(st.sampled_from(['', ',']))}}}"] if some else ["{}"]


@st.composite
def routes(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """All that decides where an alert goes; matchers are few, so that some match."""
    found: dict[str, Any] = {}
    kind = draw(st.sampled_from(["none", "matchers", "matchers", "matchers", "match", "match_re"]))
    if kind == "matchers":
        found["matchers"] = draw(matcher_lists())
    elif kind == "match":
        found["match"] = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES[:4]), max_size=2))
    elif kind == "match_re":
        found["match_re"] = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(REGEXES), max_size=2))
    if draw(st.integers(0, 3)):
        found["receiver"] = draw(st.sampled_from(RECEIVERS))
    if draw(st.booleans()):
        found["continue"] = draw(st.booleans())
    if depth:
        found["routes"] = draw(st.lists(routes(depth - 1), max_size=3))
    return found


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    root = {"receiver": "r0", "routes": draw(st.lists(routes(), min_size=1, max_size=4))}
    return {"route": root, "receivers": [{"name": name} for name in RECEIVERS]}


alerts = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), min_size=1)


@at_any_length
def test_an_alert_goes_where_amtool_says(tmp_path: Path) -> None:
    path = tmp_path / "am.yml"
    ways: set[str] = set()

    @seed(SEED)
    @thorough
    @given(files(), st.lists(alerts, min_size=3, max_size=3))
    def compare(content: dict[str, Any], every: list[dict[str, str]]) -> None:
        path.write_text(json.dumps(content))  # JSON is YAML
        found = read_routes(path)
        assert found.routing is not None, found.complaints
        root = found.routing.route
        with ThreadPoolExecutor(4) as pool:
            theirs = list(pool.map(lambda labels: receivers(path, labels), every))
            assert shown_tree(root) == drawn(path)
        for labels, told in zip(every, theirs, strict=True):
            assert ",".join(route.receiver for route in matching(root, labels)) == told, labels
            ways.add(told)

    compare()
    assert len(ways) > 20


@at_any_length
def test_a_text_is_the_matchers_that_amtool_sees_in_it(tmp_path: Path) -> None:
    """Or it is refused by both, unless the newer grammar, which amtool 0.25 does not have, takes it."""
    path = tmp_path / "am.yml"
    taken: list[bool] = []
    alphabet = [
        "a",
        "b_",
        ":",
        "=",
        "=~",
        "!=",
        "!~",
        '"',
        '"',
        "\\",
        "{",
        "}",
        ",",
        " ",
        "\n",
        "n",
        ".",
        "1",
        "é",
        "|",
    ]
    pieces = st.lists(st.sampled_from(alphabet), max_size=12).map("".join)
    values = st.lists(st.sampled_from([one for one in alphabet if one not in '"{},']), max_size=5).map("".join)
    texts = st.one_of(
        pieces,
        st.builds("a={}".format, values),
        st.builds('{{a!="{}",b={}}}'.format, values, values),
        st.builds("{}{}{}".format, matchers(), st.sampled_from([",", "}", " , "]), matchers()),
        st.builds("b{}{}".format, st.sampled_from(["=", "!=", " =~ "]), pieces),
    )

    @seed(SEED)
    @thorough
    @given(texts)
    def compare(text: str) -> None:
        content = {"route": {"receiver": "r", "routes": [{"matchers": [text]}]}, "receivers": [{"name": "r"}]}
        path.write_text(json.dumps(content))
        theirs = drawn(path)
        ours = read_routes(path).routing
        taken.append(theirs is not None)
        if theirs is not None:
            assert ours is not None, text
            assert shown_tree(ours.route) == theirs, text
        elif ours is not None:
            assert read_triples(text), text

    compare()
    assert 0.2 < sum(taken) / len(taken) < 0.95


def test_the_way_of_an_alert_is_drawn_as_amtool_draws_it(tmp_path: Path) -> None:
    path = tmp_path / "am.yml"
    tree = {
        "receiver": "r0",
        "routes": [
            {"match": {"a": "x"}, "continue": True, "routes": [{"matchers": ["b=y"]}, {"receiver": "r2"}]},
            {
                "matchers": ["a=~x|y"],
                "receiver": "r1",
                "routes": [{"matchers": ["a!=x", "b!~z"], "continue": True}, {}],
            },
            {},
        ],
    }
    path.write_text(json.dumps({"route": tree, "receivers": [{"name": name} for name in RECEIVERS]}))
    routing = read_routes(path).routing
    assert routing is not None
    for labels in ({}, {"a": "x"}, {"a": "x", "b": "y"}, {"a": "y", "c": "x"}):
        words = [f"{name}={value}" for name, value in labels.items()]
        done = amtool("config", "routes", "test", "--tree", f"--config.file={path}", *words)
        theirs = done.stdout.removeprefix("Matching routes:\n").partition("\n\n")[0]
        assert shown_path(routing.route, labels) == theirs


@pytest.mark.parametrize("text", ["a=~'x\\ny'", r'a="\xe9"', "a=b c", '{a="b",}', "a=b}}", "a=", 'a="x\\"'])
def test_texts_that_once_were_read_otherwise(text: str, tmp_path: Path) -> None:
    path = tmp_path / "am.yml"
    content = {"route": {"receiver": "r", "routes": [{"matchers": [text]}]}, "receivers": [{"name": "r"}]}
    path.write_text(json.dumps(content))
    try:
        ours = printed_all(parse_matchers(text))
    except BadMatcherError:
        ours = None
    theirs = drawn(path)
    assert (ours is None) == (theirs is None)
    assert theirs is None or f"── {ours}  receiver: r" in theirs
