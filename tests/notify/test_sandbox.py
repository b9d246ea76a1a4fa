import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jinja2 import DictLoader, FileSystemLoader, TemplateError

from pacs_monitor.notify.alert_view import Texts
from pacs_monitor.notify.sandbox import Sandbox, TooMuch, line_of, render


def made(source: str, name: str = "x.txt.j2", seconds: float = 5, **variables: Any) -> str:
    return render(Sandbox(DictLoader({name: source}), {}), name, variables, seconds)


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("{{ text | upper }}", "A & B"),
        ("{{ text.split(' ') | join('-') }}", "a-&-b"),
        ("{{ text ~ 1 }}{{ 'x' + 'y' }}{{ 2 * 3 + 10 % 4 }}", "a & b1xy8"),
        ("{{ labels.node or 'none' }}{{ labels['a'] }}", "none1"),
        ("{% for name, value in labels.items() %}{{ loop.index }}{{ name }}={{ value }}{% endfor %}", "1a=1"),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(1) }}{{ m(2) }}", "<1><2>"),
        ("{% set ns = namespace(x=0) %}{% for i in range(4) %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "6"),
        ("{{ 'a-b' | replace('-', '+') }}{{ 1.26 | round(1) }}{{ [1, 2] | sum }}", "a+b1.33"),
        ("{{ {'a': [1, none]} | tojson }}", '{"a": [1, null]}'),
    ],
)
def test_what_templates_are_for(source: str, given: str) -> None:
    assert made(source, text="a & b", labels=Texts(a="1")) == given


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("{{ text }}", "a &amp; b"),
        ("{{ '<b>' ~ text }}", "&lt;b&gt;a &amp; b"),
        ("{{ ('<b>' | safe) ~ text }}", "<b>a &amp; b"),
        ("{% set x %}<i>{{ text }}</i>{% endset %}{{ x }}", "<i>a &amp; b</i>"),
        ("{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{{ m(text) }}", "<i>a &amp; b</i>"),
        ("{{ [text, '<'] | join(', ') }}", "a &amp; b, &lt;"),
    ],
)
def test_html_is_escaped(source: str, given: str) -> None:
    assert made(source, "x.html.j2", text="a & b") == given


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ text.__class__ }}",
        "{{ text['__class__'] }}",
        "{{ text | attr('__class__') }}",
        "{{ [text] | map(attribute='__class__') | first }}",
        "{{ '{0.__class__}'.format(text) }}",
        "{{ ('{0.__class__}' | attr('format'))(text) }}",
        "{{ '{x.__class__}'.format_map({'x': text}) }}",
        "{{ range.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ joiner.__init__.__globals__.os.system('id') }}",
        "{{ self.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ lipsum() }}",
        "{{ view.dangerous() }}",
        "{{ items.append(1) }}",
        "{{ items.clear() }}",
        "{% include '../secrets.txt' %}",
        "{% include '/etc/passwd' %}",
        "{% set items.x = 1 %}",
        "{{ missing }}",
        "{{ view.missing }}",
    ],
)
def test_there_is_no_way_out(source: str) -> None:
    class View:
        def dangerous(self) -> str:
            return "reached"

    with pytest.raises(TemplateError):
        made(source, text="x", items=[1], view=View())


GROW = "{% set ns = namespace(x='xxxxxxxxxx') %}{% for i in range(60) %}{% set ns.x = "


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(9999) %}{% for b in range(9999) %}{% set c = a * b %}{% endfor %}{% endfor %}",
        "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxx{% endfor %}{% endfor %}",
        "{% for a in range(9999) if range(9999) | map('string') | list | length == 1 %}{% endfor %}",
        "{{ range(99999999) | list }}",
        "{{ 'x' * 999999999 }}",
        "{{ [1] * 999999999 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ 'x'.ljust(999999999) }}",
        "{{ 'x' | center(999999999) }}",
        "{{ 'x' | indent(999999999) }}",
        "{{ 1.5 | round(-999999999, 'ceil') }}",
        "{{ {} | tojson(indent=999999999) }}",
        "{{ lipsum(n=999999999) }}",
        GROW + "ns.x ~ ns.x %}{% endfor %}",
        GROW + "ns.x + ns.x %}{% endfor %}",
        GROW + "[ns.x, ns.x] | join %}{% endfor %}",
        GROW + "ns.x | replace('x', ns.x) %}{% endfor %}",
        GROW + "('&' ~ ns.x) | urlencode | replace('2', '&&') %}{% endfor %}",
        "{% set ns = namespace(x='x') %}{% for i in range(60) %}{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}"
        "{% set ns.x = y %}{% endfor %}",
        "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}{% set ns = namespace(x='x') %}"
        "{% for i in range(60) %}{% set ns.x = m(ns.x) %}{% endfor %}",
    ],
)
def test_nothing_takes_for_ever_or_all_memory(source: str) -> None:
    started = time.monotonic()
    with pytest.raises((TemplateError, TypeError)):
        made(source, seconds=0.3)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("source", ["{% include 'x.txt.j2' %}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"])
def test_what_calls_itself_ends(source: str) -> None:
    with pytest.raises((RecursionError, TooMuch)):
        made(source)


def test_a_limit_of_time_leaves_no_trace() -> None:
    before = sys.gettrace()
    made("x")
    assert sys.gettrace() is before


def test_a_mistake_is_found_by_its_line(tmp_path: Path) -> None:
    for source, line in (("a\nb\n{{ nothing }}", 3), ("a\n{% if %}", 2), ("\n\n\n{{ 1 // 0 }}", 4)):
        (tmp_path / "x.txt.j2").write_text(source)
        environment = Sandbox(FileSystemLoader(tmp_path), {})
        with pytest.raises((TemplateError, ZeroDivisionError)) as caught:
            render(environment, "x.txt.j2", {})
        assert line_of(caught.value, "x.txt.j2") == line
