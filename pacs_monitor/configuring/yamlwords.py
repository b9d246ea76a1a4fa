"""What is wrong with malformed YAML, in words for people who do not know its grammar."""

from __future__ import annotations

import re

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.tokens import (
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    Token,
)

_BRACKET = "opens a bracket that is not closed; close it with {0}"
# The one problem that is told where the file ends, without the line of the bracket.
_ENDS_IN_BRACKETS = "expected the node content, but found '<stream end>'"
# ruamel.yaml's problem, whether its context's line is the better one, the sentence. The first match counts.
_SENTENCES: tuple[tuple[str, bool, str], ...] = (
    (r"character '\\t'", False, "holds a tab where only spaces may stand; indent with spaces"),
    (
        r"mapping values are not allowed",
        False,
        "holds a ':' where none can stand; check the indentation, and put text that holds ': ' in quotes",
    ),
    (
        r"sequence entries are not allowed",
        False,
        "holds a '- ' where none can stand; begin the list on the next line",
    ),
    (
        r"character '(.+)' that cannot start any token",
        False,
        r"begins a text with {0}, which has a meaning in YAML; put the text in quotes",
    ),
    (r"expected ',' or '(.)'", True, _BRACKET),
    (r"unexpected end of stream", True, "opens a quote that is not closed; close it"),
    (r"unexpected document separator", True, "opens a quote that is not closed; close it"),
    (
        r"unknown escape character",
        False,
        r"holds a backslash in double quotes; write \\ for one backslash, or use single quotes",
    ),
    (r"found duplicate anchor", False, "gives a second anchor to one value; remove one of them"),
    (
        r"could not find expected ':'",
        True,
        "is a line without ':'; write `setting: value`",
    ),
    (
        r"expected <block end>, but found '(?:-|\?|<scalar>|<block mapping start>|<block sequence start>)'",
        False,
        "does not fit the lines above; check the indentation, and the quotes if there are any",
    ),
    (r"expected '?<document start>", False, "does not fit the lines above; check the indentation"),
    (r"but found '(\]|\}|,)'", False, "holds a {0} that nothing opened; remove it"),
)


def explain(error: MarkedYAMLError, text: str) -> tuple[int, str]:
    """The line of a mistake, and a sentence with the remedy."""
    problem = error.problem or ""
    if problem == _ENDS_IN_BRACKETS:
        line, closing = _open_bracket(text)
        return line, _BRACKET.format(closing)
    for pattern, use_context, sentence in _SENTENCES:
        found = re.search(pattern, problem)
        if found:
            mark = (error.context_mark if use_context else None) or error.problem_mark
            return _line(mark), _with_hint(sentence.format(*found.groups()), error, text)
    return _line(error.problem_mark or error.context_mark), "is not YAML; check this line and the one above"


def _open_bracket(text: str) -> tuple[int, str]:
    """The line of the innermost bracket that is open where the text ends, and what closes it."""
    opened: list[Token] = []
    for token in YAML(typ="safe", pure=True).scan(text):
        if isinstance(token, FlowSequenceStartToken | FlowMappingStartToken):
            opened.append(token)
        elif isinstance(token, FlowSequenceEndToken | FlowMappingEndToken):
            opened.pop()
    return _line(opened[-1].start_mark), "]" if isinstance(opened[-1], FlowSequenceStartToken) else "}"


def _line(mark: object) -> int:
    return int(getattr(mark, "line", 0)) + 1


def _with_hint(sentence: str, error: MarkedYAMLError, text: str) -> str:
    lines = text.splitlines()
    number = _line(error.problem_mark)
    at_fault = lines[number - 1] if number <= len(lines) else ""
    if "bracket" in sentence and "${" in at_fault:
        return 'uses ${...} inside brackets; put it in quotes: "${NAME}"'
    return sentence
