"""Functions on text: regular expressions, hosts and ports, links, titles."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

import re2

from pacs_monitor.alerting.gotemplate.quoting import quote

# What may stand inside of a word without ending it: don't, 10.0.0.1, site:north.
_IN_WORDS = frozenset("'.:·‘’․‧")
# Where RE2 and Go's package call the same mistake differently.
_GO_WORDS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "trailing \\": "trailing backslash at end of expression",
}
_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))", re.ASCII)


@lru_cache(maxsize=500)
def compiled(pattern: str) -> Any:
    """The regular expression (RE2). Raises ValueError."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        told = error.args[0] if error.args else error
        words = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
        what, _, where = words.partition(": ")
        raise ValueError(f"error parsing regexp: {_GO_WORDS.get(what, what)}: `{where}`") from None


def match(pattern: str, text: str) -> bool:
    """Whether some part of a text matches. Raises ValueError."""
    return compiled(pattern).search(text) is not None


def re_replace_all(pattern: str, replacement: str, text: str) -> str:
    """Every match replaced; `$1` and `${name}` stand for groups. Raises ValueError."""
    try:
        expression = compiled(pattern)
    except ValueError as error:
        raise ValueError(f"regexp: Compile({quoted_pattern(pattern)}): {error}") from None
    return str(expression.sub(_expander(replacement, expression.groupindex), text))


def quoted_pattern(pattern: str) -> str:
    """As Go's package quotes it."""
    return quote(pattern) if "`" in pattern else f"`{pattern}`"


def _expander(replacement: str, names: dict[str, int]) -> Callable[[Any], str]:
    def expand(found: Any) -> str:
        def group(reference: re.Match[str]) -> str:
            if reference[0] == "$$":
                return "$"
            name = reference[1] or reference[2]
            number = int(name) if name.isdigit() else names.get(name, -1)
            if number < 0 or number > found.re.groups:
                return ""
            return found.group(number) or ""

        return _REFERENCE.sub(group, replacement)

    return expand


def split_host_port(text: str) -> tuple[str, str] | None:
    """Host and port of `host:port` or `[host]:port`; None if it is neither."""
    bracketed = re.fullmatch(r"\[([^\[\]]*)\]:([^:\[\]]*)", text)
    plain = re.fullmatch(r"([^:\[\]]*):([^:\[\]]*)", text)
    found = bracketed or plain
    return (found[1], found[2]) if found else None


def strip_port(text: str) -> str:
    """The host alone."""
    found = split_host_port(text)
    return found[0] if found else text


def strip_domain(text: str) -> str:
    """The first part of a host's name, with the port if there is one; an address stays."""
    host, port = split_host_port(text) or (text, "")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name = host.split(".")[0]
        return f"{name}:{port}" if port else name
    return text


def title(text: str) -> str:
    """The first letter of each word in upper case, the others as they are."""
    out, in_word, was_mid = "", False, False
    for char in text:
        is_mid = char in _IN_WORDS
        if (was_mid and is_mid) or not (is_mid or _is_of_a_word(char)):
            in_word = False
        if not in_word and char.lower() != char.upper():
            char, in_word = char.title() if char.islower() else char, True
        out += char
        was_mid = is_mid
    return out


def _is_of_a_word(char: str) -> bool:
    return char == "_" or unicodedata.category(char)[0] in "LNM"


def to_upper(text: str) -> str:
    """Each letter in upper case, if it is one letter there too: `ß` stays."""
    return "".join(char.upper() if len(char.upper()) == 1 else char for char in text)


def to_lower(text: str) -> str:
    """Each letter in lower case."""
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def query_escape(text: str) -> str:
    """As part of a URL's query."""
    return quote_plus(text, safe="~")


def graph_link(expression: str) -> str:
    """The path of Prometheus' graph of an expression."""
    return f"/graph?g0.expr={query_escape(expression)}&g0.tab=0"


def table_link(expression: str) -> str:
    """The path of Prometheus' table of an expression."""
    return f"/graph?g0.expr={query_escape(expression)}&g0.tab=1"


def escape_html(text: str) -> str:
    """For HTML, as Go does."""
    for char, code in (("&", "&amp;"), ("'", "&#39;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("\0", "�")):
        text = text.replace(char, code)
    return text
