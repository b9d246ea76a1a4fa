"""What goes wrong with a template.

TemplateError
├── TemplateRefused     at load: it is malformed, or uses what is not supported
└── ExpandingFailed     at an evaluation: the sentence is Go's own
"""

from __future__ import annotations

from typing import NamedTuple


class TemplateError(ValueError):
    """A template that cannot be used."""


class Flaw(NamedTuple):
    """What a template cannot do, told before it is tried: the sentence with the remedy, and the place."""

    message: str
    offset: int


class TemplateRefused(TemplateError):
    """Malformed, or more than is supported: a sentence with the remedy, and the place in the template."""

    def __init__(self, message: str, offset: int = 0) -> None:
        """`offset` counts characters from the template's beginning."""
        super().__init__(message)
        self.offset = offset


class ExpandingFailed(TemplateError):
    """A template that cannot be expanded with these values."""
