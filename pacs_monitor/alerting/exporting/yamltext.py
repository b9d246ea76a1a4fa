"""Texts of YAML that people can read and every reader takes alike, those of YAML 1.1 (Kubernetes) included."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)

_PLAIN = re.compile(r"[A-Za-z_][\w./:-]*(?<!:)|([0-9]+(ms|[smhdwy]))+", re.ASCII)
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
"""What YAML 1.1 takes for something else than a text."""
_WIDTH = 110


def yaml_text(documents: Sequence[dict[str, Any]], comment: str) -> str:
    """The documents, each below the comment."""
    yaml = YAML()
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    texts = []
    for document in documents:
        stream = io.StringIO()
        yaml.dump(_styled(document), stream)
        texts.append(f"# {comment}\n{stream.getvalue()}")
    return "---\n".join(texts)


def _styled(value: Any) -> Any:
    if isinstance(value, dict):
        return {_styled(key): _styled(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_styled(entry) for entry in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> Any:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    lines = text.split("\n")
    printable = all(line.isprintable() for line in lines)
    if not printable or text != text.lstrip() or any(line != line.rstrip() for line in lines):
        return DoubleQuotedScalarString(text)
    if len(lines) > 1:
        return LiteralScalarString(text)
    if len(text) > _WIDTH - 30 and "  " not in text:
        return FoldedScalarString(text)
    return SingleQuotedScalarString(text) if '"' in text else DoubleQuotedScalarString(text)
