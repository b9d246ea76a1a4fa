"""What promtool 2.42 cannot judge: where Prometheus 3 is another, and what a template is beside its text."""

from __future__ import annotations

import pytest

from pacs_monitor.alerting.gotemplate.template import Template
from tests.alerting.gotemplate.expanding import expand


@pytest.mark.parametrize(
    ("text", "titled"),
    [
        ("don't stop", "Don't Stop"),
        ("foo-bar/baz", "Foo-Bar/Baz"),
        ("foo_bar foo.bar a:b", "Foo_bar Foo.bar A:b"),
        ("ABC éa", "ABC Éa"),
    ],
)
def test_title_raises_the_first_letter_of_a_word_as_prometheus_3_does(text: str, titled: str) -> None:
    assert expand(f"{{{{ title `{text}` }}}}") == titled


def test_the_server_s_own_address_is_that_of_the_agent() -> None:
    # promtool has none and fails.
    assert expand("{{ externalURL }} {{ pathPrefix }}") == "https://here/p?q /p"


def test_a_text_without_end_is_cut_off_by_an_error() -> None:
    assert expand('{{ printf "%1000000d%1000000d" 1 1 }}').endswith("more than 1048576 characters>")


def test_a_template_tells_which_functions_it_calls() -> None:
    assert Template("{{ if true }}{{ (humanize $value) | printf `%s` }}{{ end }}").functions == {"humanize", "printf"}


def test_what_is_the_same_for_all_alerts_is_known_to_be() -> None:
    assert Template("The disk {{- /* the */ -}} is full").constant == "The diskis full"
    assert Template("{{ $value }}").constant is None


def test_a_type_is_called_as_prometheus_3_calls_it() -> None:
    assert "can't index item of type struct { Labels map[string]string; " in expand("{{ index . 1 }}")
    assert "ExternalURL string; Value interface {} }>" in expand("{{ index . 1 }}")
