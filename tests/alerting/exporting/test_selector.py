"""Where --selector goes, and where it must not: judged by what fires in promtool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.alerting.exporting.asked import Asked, matchers_of
from pacs_monitor.alerting.exporting.rewriting import Rewriting
from pacs_monitor.alerting.loading import builtin_files
from pacs_monitor.alerting.rulefile import read_rules
from pacs_monitor.history.labels import NAME
from pacs_monitor.promql.ast import Expr, Selector, children
from tests.alerting.exporting.support import configured, exported, fires, rules_in

PACS = ("--selector", 'job="pacs"')
OURS = {'x{job="pacs", site="n"}': "1x20"}
OTHERS = {'x{job="other", site="n"}': "1x20"}


def export(folder: Path, rules: str, *words: str) -> str:
    return exported("--config", configured(folder, own=f"groups:\n- name: g\n  rules:\n{rules}"), *words)


def expressions(folder: Path, rules: str, *words: str) -> list[str]:
    return [rule["expr"] for rule in rules_in(export(folder, rules, *words))]


def nodes(expr: Expr) -> Iterator[Expr]:
    yield expr
    for inner in children(expr):
        yield from nodes(inner)


def shape(expr: Expr) -> list[Any]:
    """An expression's nodes, without where they stand and without matchers on the job."""
    found: list[Any] = []
    for node in nodes(expr):
        if isinstance(node, Selector):
            found.append((frozenset(one for one in node.matchers if one.name != "job"), node.offset, node.at))
        else:
            found.append((type(node), getattr(node, "op", ""), getattr(node, "matching", None), node.kind))
    return found


def test_every_selector_of_the_built_in_rules_gets_the_matcher_and_nothing_else_changes() -> None:
    groups = [group for path in builtin_files() for group in read_rules(path).groups]
    matchers = matchers_of('job="pacs"')
    made = Rewriting(groups, Asked(matchers))
    assert made.complaints == []
    pairs = [
        (before, after)
        for old, new in zip(groups, made.groups, strict=True)
        for before, after in zip(old.rules, new.rules, strict=True)
    ]
    assert len(pairs) > 30
    for before, after in pairs:
        assert shape(after.expr) == shape(before.expr)
        for node in nodes(after.expr):
            if isinstance(node, Selector):
                assert [one for one in node.matchers if one.name == "job"] == list(matchers), after.text
        assert replace(after, expr=before.expr, text=before.text) == before


CASES = [
    ("x", 'x{job="pacs"}'),
    ('x{a="b"}[5m] offset 1m', 'x{a="b",job="pacs"}[5m] offset 1m'),
    ('{a="b", __name__=~"x.*"} @ 5', '{a="b",job="pacs",__name__=~"x.*"} @ 5'),
    ('x { a = "}" , } # why\n + y', 'x{a="}",job="pacs"} # why\n + y{job="pacs"}'),
    ("max_over_time(x[1h:5m] offset 5m)", 'max_over_time(x{job="pacs"}[1h:5m] offset 5m)'),
    ('x{job="pacs"}', 'x{job="pacs"}'),
    ('x{job="pacs-monitor"} + x{job=~"pacs-.*"}', 'x{job="pacs"} + x{job="pacs"}'),
    ("x{job!='y'}", 'x{job="pacs"}'),
    ("sum by (x) (x) + on () group_left (x) x", 'sum by (x) (x{job="pacs"}) + on () group_left (x) x{job="pacs"}'),
    ("absent(x) or vector(1)", 'absent(x{job="pacs"}) or vector(1)'),
    ("label_replace(x, 'x', 'x{}', 'x', 'x')", "label_replace(x{job=\"pacs\"}, 'x', 'x{}', 'x', 'x')"),
]


@pytest.mark.parametrize(("before", "after"), CASES, ids=[before for before, _ in CASES])
def test_matchers_are_put_in_and_the_rest_stays_as_it_is_laid_out(tmp_path: Path, before: str, after: str) -> None:
    if "[" in before and "(" not in before:
        before, after = f"rate({before})", f"rate({after})"
    lines = before.replace("\n", "\n      ")
    assert expressions(tmp_path, f"  - alert: A\n    expr: |-\n      {lines}\n", *PACS)[0].splitlines() == [
        line.strip() if not place else line for place, line in enumerate(after.splitlines())
    ]


def test_a_record_that_keeps_the_label_is_selected_and_one_that_drops_it_is_not(tmp_path: Path) -> None:
    rules = """\
  - record: job:x:sum
    expr: sum by (job) (x)
  - record: site:x:sum
    expr: sum by (site) (x)
  - record: site:x:fixed
    expr: sum by (site) (x)
    labels: {job: pacs}
  - record: all:x:later
    expr: max without (job) (job:x:sum)
  - alert: Kept
    expr: job:x:sum > 0
  - alert: Dropped
    expr: site:x:sum > 0
  - alert: Fixed
    expr: site:x:fixed > 0
  - alert: Later
    expr: all:x:later > 0
  - alert: Gone
    expr: absent(job:x:sum)
  - alert: GoneToo
    expr: absent(site:x:sum)
"""
    made = export(tmp_path, rules, *PACS)
    assert [rule["expr"] for rule in rules_in(made)] == [
        'sum by (job) (x{job="pacs"})',
        'sum by (site) (x{job="pacs"})',
        'sum by (site) (x{job="pacs"})',
        'max without (job) (job:x:sum{job="pacs"})',
        'job:x:sum{job="pacs"} > 0',
        "site:x:sum > 0",
        'site:x:fixed{job="pacs"} > 0',
        "all:x:later > 0",
        'absent(job:x:sum{job="pacs"})',
        "absent(site:x:sum)",
    ]
    with_job = {f'{{alertname="{name}", job="pacs"}}' for name in ("Kept", "Fixed")}
    without = {f'{{alertname="{name}"}}' for name in ("Dropped", "Later")}
    assert fires(tmp_path, made, {**OURS, **OTHERS}) == with_job | without
    assert fires(tmp_path, made, OTHERS) == {'{alertname="Gone", job="pacs"}', '{alertname="GoneToo"}'}


def test_absence_is_that_of_the_job(tmp_path: Path) -> None:
    rules = "  - alert: Gone\n    expr: absent(x)\n  - alert: GoneLong\n    expr: absent_over_time(x[5m])\n"
    made = export(tmp_path, rules, *PACS)
    assert fires(tmp_path, made, OURS) == set()
    both = {'{alertname="Gone", job="pacs"}', '{alertname="GoneLong", job="pacs"}'}
    assert fires(tmp_path, made, OTHERS) == both


def test_alerts_that_carry_the_job_are_told_from_those_of_others(tmp_path: Path) -> None:
    rules = """\
  - alert: Down
    expr: x == 1
  - alert: Heart
    expr: vector(1)
  - alert: Ours
    expr: count(ALERTS{alertname="Down", alertstate="firing"}) > 0
  - alert: NoHeart
    expr: absent(ALERTS{alertname="Heart"})
"""
    made = export(tmp_path, rules, *PACS)
    assert [rule["expr"] for rule in rules_in(made)][2:] == [
        'count(ALERTS{alertname="Down",alertstate="firing",job="pacs"}) > 0',
        'absent(ALERTS{alertname="Heart"})',
    ]
    theirs = {'ALERTS{alertname="Down", alertstate="firing", job="other"}': "1x20"}
    assert fires(tmp_path, made, {**OURS, **theirs}) == {
        '{alertname="Down", job="pacs"}',
        '{alertname="Down", job="other"}',
        '{alertname="Heart"}',
        '{alertname="Ours"}',
    }
    assert '{alertname="Ours"}' not in fires(tmp_path, made, {**OTHERS, **theirs})


DROPPED = [
    'label_replace(x, "job", "a", "", "")',
    'label_join(x, "job", "-", "site")',
    'count_values("job", x)',
    "max(x)",
    "max by (site) (x)",
    "max without (job) (x)",
    "x + on (site) x",
    "x + ignoring (job) x",
    "vector(1)",
    "x or vector(1)",
    "sum by (site) (x) * on (site) group_right () sum by (site) (x)",
    "x * on (site) group_left (job) sum by (site) (x)",
    "absent(sum(x))",
]
KEPT = [
    "-x",
    "(x)",
    "1 - x",
    "rate(x[5m])",
    "max_over_time(rate(x[5m])[1h:])",
    "quantile_over_time(0.9, x[5m])",
    "topk(1, x)",
    "topk by (site) (1, x)",
    "count by (job) (x)",
    "count without (site) (x)",
    "x + on (job) x",
    "x + ignoring (site) x",
    "x > bool x",
    "x and on (site) sum by (site) (x)",
    "x unless vector(1)",
    "x or x",
    "sum by (site) (x) * on (site) group_right () x",
    "sum by (site) (x) * on (site) group_right (a) x",
    'sum by (site, job) (x) * on (site) group_right (job) label_replace(x, "job", "", "", "")',
    'label_replace(x, "a", "b", "job", ".*")',
    "absent(x)",
    "clamp(x, 0, 1)",
]


@pytest.mark.parametrize(
    ("expr", "kept"), [*((one, True) for one in KEPT), *((one, False) for one in DROPPED)], ids=lambda value: str(value)
)
def test_what_an_expression_keeps_of_the_label_decides_how_its_record_is_read(
    tmp_path: Path, expr: str, kept: bool
) -> None:
    rules = f"  - record: a:b\n    expr: '{expr}'\n  - alert: A\n    expr: a:b\n"
    assert expressions(tmp_path, rules, *PACS)[1] == ('a:b{job="pacs"}' if kept else "a:b")


def test_by_a_pattern_the_job_of_what_is_absent_is_not_known(tmp_path: Path) -> None:
    rules = "  - record: a:b\n    expr: absent(x)\n  - alert: A\n    expr: a:b\n"
    assert expressions(tmp_path, rules, "--selector", '{job=~"pacs|mr"}') == ['absent(x{job=~"pacs|mr"})', "a:b"]


def test_each_label_of_the_selector_is_followed_by_itself(tmp_path: Path) -> None:
    rules = "  - record: job:x:sum\n    expr: sum by (job) (x)\n  - alert: A\n    expr: job:x:sum > 0\n"
    made = expressions(tmp_path, rules, "--selector", 'job="pacs", instance=~"a:.*"')
    assert made == ['sum by (job) (x{job="pacs",instance=~"a:.*"})', 'job:x:sum{job="pacs"} > 0']


def test_queries_of_templates_are_selected_as_well(tmp_path: Path) -> None:
    rules = """\
  - alert: A
    expr: x == 1
    labels:
      many: '{{ with query "count(x)" }}{{ . | first | value }}{{ end }}'
    annotations:
      summary: '{{ range (`x{a="b"} > 1` | query) }}{{ .Labels.site }}{{ end }} of {{ query "vector(1)" | len }}'
"""
    (rule,) = rules_in(export(tmp_path, rules, *PACS))
    assert rule["labels"]["many"] == r'{{ with query "count(x{job=\"pacs\"})" }}{{ . | first | value }}{{ end }}'
    first = r'{{ range ("x{a=\"b\",job=\"pacs\"} > 1" | query) }}{{ .Labels.site }}{{ end }}'
    assert rule["annotations"]["summary"] == first + ' of {{ query "vector(1)" | len }}'


def test_names_of_metrics_are_not_taken_for_those_of_records(tmp_path: Path) -> None:
    rules = "  - record: x_sum\n    expr: sum(x)\n  - alert: A\n    expr: '{__name__=~\"x_.*\"}'\n"
    config = configured(tmp_path, own=f"groups:\n- name: g\n  rules:\n{rules}")
    with pytest.raises(AssertionError, match="reads series with job and such as their rules leave without it"):
        exported("--config", config, *PACS)
    assert NAME in exported("--config", config)
