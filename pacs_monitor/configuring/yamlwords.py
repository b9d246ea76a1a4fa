"""What is wrong with malformed YAML, in words for people who do not know its grammar."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError

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
    (r"expected ',' or '(.)'", True, "opens a bracket that is not closed; close it with {0}"),
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
    for pattern, use_context, sentence in _SENTENCES:
        found = re.search(pattern, problem)
        if found:
            mark = (error.context_mark if use_context else None) or error.problem_mark
            return _line(mark), _with_hint(sentence.format(*found.groups()), error, text)
    return _line(error.problem_mark or error.context_mark), "is not YAML; check this line and the one above"


def _line(mark: object) -> int:
    return int(getattr(mark, "line", 0)) + 1


def _with_hint(sentence: str, error: MarkedYAMLError, text: str) -> str:
    lines = text.splitlines()
    number = _line(error.problem_mark)
    at_fault = lines[number - 1] if number <= len(lines) else ""
    if "bracket" in sentence and "${" in at_fault:
        return 'uses ${...} inside brackets; put it in quotes: "${NAME}"'
    return sentence
