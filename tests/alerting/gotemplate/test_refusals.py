"""One row for each mistake in a template, with all that is said of it and its place."""
# ruff: noqa: E501  a message is one line, as it is printed

from __future__ import annotations

import pytest

from pacs_monitor.alerting.gotemplate.errors import TemplateRefused
from pacs_monitor.alerting.gotemplate.template import Template

MISTAKES = [
    ("{{ $value", 0, "has {{ without its end; close it with }}"),
    ("a{{ if $value }}x", 1, "has {{ if }} without its end; add {{ end }}"),
    ("{{ end }}", 3, "has {{ end }} that nothing opened; remove it"),
    ("{{ else }}", 3, "has {{ else }} that nothing opened; remove it"),
    ("{{ if 1 }}a{{ else }}b{{ else }}c{{ end }}", 25, "has a second {{ else }}; remove it"),
    (
        "{{ with 1 }}a{{ else with 2 }}b{{ end }}",
        21,
        "has {{ else }} with more in it; write {{ else }} or {{ else if ... }}",
    ),
    ("{{ if 1 }}a{{ end x }}", 18, "has {{ end }} with more in it; write {{ end }}"),
    ("a {{ }} b", 5, "has braces with nothing in them; remove them, or write for example {{ $value }}"),
    ("{{ (1 }}", 0, "has a '(' that is not closed; close it with )"),
    ("{{ 1) }}", 4, "has a ')' that nothing opened; remove it"),
    ('{{ "a }}', 3, 'has a quote " that is not closed; close it'),
    ("{{ `a }}", 3, "has a quote ` that is not closed; close it"),
    ("{{/* a }}", 0, "has a comment without its end; close it with */}}"),
    ("{{ /* a */ }}", 3, "has a comment that shares its braces; write {{/* comment */}} alone"),
    ("{{ {{ }} }}", 3, "has {{ inside of {{; close the first with }}"),
    ("{{ $value # }}", 10, "holds '#', which has no meaning between {{ and }}; remove it"),
    (
        "{{ if $value > 3 }}x{{ end }}",
        13,
        "holds '>', which has no meaning between {{ and }}; compare with lt, gt or ne, as in {{ if gt $value 3.0 }}",
    ),
    (
        '{{ if $labels.a == "b" }}x{{ end }}',
        16,
        "has '=' where a value belongs; compare with eq, as in {{ if eq $labels.a \"b\" }}",
    ),
    ("{{ $value * 100 }}", 10, "holds '*', which has no meaning between {{ and }}; calculate in the rule's expression"),
    ('{{ $labels["a"] }}', 10, "holds '[', which has no meaning between {{ and }}; write index $labels \"name\""),
    (
        "{{ $labels.a-b }}",
        12,
        "holds '-', which has no meaning between {{ and }}; write index $labels \"a-b\" for a label a-b, and calculate in the rule's expression",
    ),
    ("{{ $x }}", 3, "uses $x, which is not set; there is $labels, $externalLabels, $externalURL, $value"),
    (
        "{{ if 1 }}{{ $x := 1 }}{{ end }}{{ $x }}",
        35,
        "uses $x, which is not set; there is $labels, $externalLabels, $externalURL, $value",
    ),
    ("{{ 1.5.x }}", 6, "asks for a field of 1.5, which has none; remove .x"),
    ("{{ $value | humanise }}", 12, "calls humanise, and there is no such function; did you mean humanize?"),
    ("{{ $x := $x.a }}", 9, "uses $x, which is not set; there is $labels, $externalLabels, $externalURL, $value"),
    ("{{ 1 | 2 }}", 7, "pipes into 2, which is no function; write a function"),
    (
        '{{ (toTime 5).Format "2006" }}',
        13,
        "calls a method of toTime 5, which is not supported here; leave it out",
    ),
    ("{{ | $value }}", 3, "has '|' where a value belongs; check this place"),
    ('{{ 1"a" }}', 4, "has no space before '\"a\"'; put one there"),
    ("{{ 1 := 2 }}", 5, "has := where it can set nothing; write {{ $name := value }}"),
    ("{{ 'a' }}", 3, "'a' is a number in Go; write the text in double quotes"),
    (r'{{ "\q" }}', 4, r"holds \q, which is no escape in a string; write \\ for one backslash"),
    (
        "{{ 99999999999999999999 }}",
        3,
        "99999999999999999999 is too large for a whole number; write 99999999999999999999.0",
    ),
    (
        '{{ printf "%[1]d" 1 }}',
        10,
        "numbers the values of printf, as in %[1]d, which is not supported here; give them in order",
    ),
    ('{{ printf "%#v" 1 }}', 10, "has # before a verb of printf that is not supported with it here; leave it out"),
    ('{{ template "x" }}', 3, "uses template, which is not supported here; write the text where it is needed"),
    ("{{ break }}", 3, "uses break, which is not supported here; use {{ if }} around what is to be left out"),
    ('{{ tmpl "a" . }}', 3, "calls tmpl: it works in console templates only; write the text where it is needed"),
    ('{{ js "a" }}', 3, "calls js: annotations are no JavaScript; use urlquery or html"),
    ("{{ (" * 60, 4, "has {{ inside of {{; close the first with }}"),
    ("{{ " + "(" * 60 + "1" + ")" * 60 + " }}", 53, "is nested more than 50 deep; make it simpler"),
    ("{{ if 1 }}" * 60, 503, "is nested more than 50 deep; make it simpler"),
]
FLAWS = [
    (
        "{{ if gt $value 3 }}x{{ end }}",
        16,
        "compares the value with 3, and Go takes that for another kind of number; write 3.0",
    ),
    (
        "{{ .Foo }}",
        3,
        "uses .Foo, which alerts do not have; there is $labels, $value, $externalLabels and $externalURL",
    ),
    ("{{ $value.x }}", 9, "asks for a field of $value, which has none; write $value"),
    ("{{ $labels.a.b }}", 10, "asks for a field of $labels.a, which is text; write $labels.a"),
    ("{{ humanize 1 2 }}", 3, "gives humanize the wrong number of values (want 1 got 2); correct them"),
    ("{{ print value }}", 9, "gives value the wrong number of values (want 1 got 0); correct them"),
    ("{{ printf }}", 3, "gives printf the wrong number of values (want at least 1 got 0); correct them"),
    ('{{ "a" "b" }}', 3, 'gives values to "a", which is no function; write one before it, as print'),
    ("{{ nil }}", 3, "prints nil, which cannot be printed; remove it"),
    ('{{ match "(" "a" }}', 9, "error parsing regexp: missing closing ): `(`; correct the pattern"),
    ("{{ $value humanize }}", 3, "gives values to $value, which is no function; write one before it, as print"),
    (
        "{{ range .Alerts }}{{ .Labels.x }}{{ end }}",
        9,
        "uses .Alerts, which alerts do not have; there is $labels, $value, $externalLabels and $externalURL",
    ),
]


@pytest.mark.parametrize(("text", "offset", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_the_remedy(text: str, offset: int, message: str) -> None:
    with pytest.raises(TemplateRefused) as told:
        Template(text)
    assert (str(told.value), told.value.offset) == (message, offset)


@pytest.mark.parametrize(("text", "offset", "message"), FLAWS)
def test_what_fails_only_when_it_is_expanded_is_told_and_yet_taken(text: str, offset: int, message: str) -> None:
    assert Template(text).flaws[0] == (message, offset)
