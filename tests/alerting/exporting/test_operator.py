"""PrometheusRule resources: by the schema and the validation of the operator as they are documented."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pacs_monitor.alerting.exporting.documents import resource_name
from pacs_monitor.alerting.exporting.yamltext import yaml_text
from pacs_monitor.alerting.loading import builtin_files
from tests.alerting.exporting.support import exported, plain, promtool, rules_export

WORDS = (
    "--format",
    "operator",
    "--namespace",
    "monitoring",
    "--label",
    "release=prometheus",
    "--label",
    "team=imaging",
)
# Of the custom resource definition of version 0.82: what a duration, a name of an object and a label may be.
DURATION = re.compile(r"0|(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?")
NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
GROUP = {"name": str, "interval": DURATION, "limit": int, "query_offset": DURATION, "rules": list}
RULE = {
    "alert": str,
    "record": str,
    "expr": str,
    "for": DURATION,
    "keep_firing_for": DURATION,
    "labels": dict,
    "annotations": dict,
}


def fits(value: object, schema: dict[str, Any]) -> None:
    assert isinstance(value, dict)
    assert set(value) <= set(schema)
    for key, entry in value.items():
        if isinstance(schema[key], type):
            assert type(entry) is schema[key], key
        else:
            assert isinstance(entry, str)
            assert schema[key].fullmatch(entry), entry
        if schema[key] is dict:
            assert all(type(name) is type(text) is str for name, text in entry.items()), entry


def validate(resource: Any) -> None:
    assert set(resource) == {"apiVersion", "kind", "metadata", "spec"}
    assert (resource["apiVersion"], resource["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert NAME.fullmatch(resource["metadata"]["name"])
    groups = resource["spec"]["groups"]
    assert len({group["name"] for group in groups}) == len(groups) > 0
    for group in groups:
        fits(group, GROUP)
        assert group["name"]
        for rule in group["rules"]:
            fits(rule, RULE)
            assert rule["expr"]
            assert ("alert" in rule) is not ("record" in rule)


def test_each_rule_file_becomes_a_resource_that_fits_the_schema_and_that_promtool_takes(tmp_path: Path) -> None:
    resources = plain(exported(*WORDS, "--selector", 'job="pacs"', "--severity", "critical=page"))
    assert [one["metadata"] for one in resources] == [
        {
            "name": f"pacs-monitor-{path.stem}",
            "namespace": "monitoring",
            "labels": {"release": "prometheus", "team": "imaging"},
        }
        for path in builtin_files()
    ]
    for place, resource in enumerate(resources):
        validate(resource)
        # The operator gives the spec to the parser that promtool has.
        (tmp_path / f"{place}.yml").write_text(json.dumps(resource["spec"]))
        promtool("check", "rules", tmp_path / f"{place}.yml")


def test_in_a_folder_each_resource_is_a_file(tmp_path: Path) -> None:
    answer = rules_export("--format", "operator", "--output", tmp_path / "new/folder")
    names = [f"pacs-monitor-{path.stem}.yml" for path in builtin_files()]
    assert answer == (0, "".join(f"{tmp_path}/new/folder/{name}\n" for name in names), "")
    for name in names:
        (resource,) = plain((tmp_path / "new/folder" / name).read_text())
        assert resource["metadata"] == {"name": name.removesuffix(".yml")}
        validate(resource)


def test_any_file_has_a_name_that_kubernetes_takes() -> None:
    assert resource_name("/etc/rules/Röntgen CT_1.rules.yml") == "pacs-monitor-r-ntgen-ct-1-rules"
    assert resource_name("___.yml") == "pacs-monitor-rules"
    assert NAME.fullmatch(resource_name("x" * 250 + "-" * 5 + ".yml"))


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.text("abc :#-\n'\"{}|>%&*!\t", max_size=200),
    st.sampled_from(
        ["y", "No", "on", "null", "~", "1e3", "0x1", "1:30", "12:30:45", ".inf", "2026-01-01", "=", "<<", ""]
    ),
)


@given(st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_texts_are_read_as_they_were_written_even_by_yaml_of_old(texts: dict[str, str]) -> None:
    assert plain(yaml_text([{"a": [texts]}, {"b": 1}], "x")) == [{"a": [texts]}, {"b": 1}]
