"""Filters of templates beside those of Jinja."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pacs_monitor.notify.alert_view import is_link
from pacs_monitor.notify.plain import cut, one_line

WIDTH, PAGER_WIDTH = 72, 140


def pager_text(text: str) -> str:
    """One line of at most 140 characters, in letters that a pager or a text message has."""
    line = one_line(text, 1000).replace("…", "...").replace("–", "-").replace("×", "x")
    return line if len(line) <= PAGER_WIDTH else line[: PAGER_WIDTH - 2].rstrip() + ".."


def wrap(text: str, indent: int = 0, width: int = WIDTH) -> str:
    """Lines of at most 72 characters, each behind so many spaces; links stay whole."""
    space = " " * indent
    wrapped = [
        textwrap.fill(
            line, width, initial_indent=space, subsequent_indent=space, break_long_words=False, break_on_hyphens=False
        )
        for line in str(text).splitlines()
    ]
    return "\n".join(wrapped)


def _row(text: str, label: str, width: int = WIDTH) -> str:
    """`Label   text`, as a row of a table whose first column has 20 characters."""
    first = f"{cut(label, 19):<20}"
    return textwrap.fill(
        str(text),
        width,
        initial_indent=first,
        subsequent_indent=" " * 20,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indented(text: str, indent: int) -> str:
    """The same lines, each behind so many spaces."""
    return "\n".join(f"{' ' * indent}{line}" if line else "" for line in str(text).rstrip().splitlines())


def _line(letter: str, text: str) -> str:
    """A line of the letter, as long as the first line of the text."""
    return letter * min(len(text), WIDTH)


def _slack(text: str) -> str:
    """Without what Slack takes for links, mentions and commands."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(text: str) -> str:
    """Without what an Adaptive Card takes for links."""
    return str(text).replace("[", "(").replace("]", ")")


def _names(names: Iterable[str], more: int, words: str) -> str:
    told = ", ".join(names)
    return f"{told} {_fill(words, count=more)}" if more else told


def _fill(text: str, **values: object) -> str:
    """`since {began}` with the value of `began`."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


FILTERS: Mapping[str, Callable[..., Any]] = {
    "cut": cut,
    "fill": _fill,
    "indented": _indented,
    "is_link": is_link,
    "line": _line,
    "names": _names,
    "one_line": one_line,
    "row": _row,
    "slack": _slack,
    "teams": _teams,
    "wrap": wrap,
}
