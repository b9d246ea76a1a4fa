"""What can go wrong with an expression.

PromqlError (ValueError)
├── BadExpression    it is not one that Prometheus takes, or one that is not evaluated here
├── BadNotation      a series written in the notation of rule tests
└── EvaluationError  it cannot be evaluated over these series
    └── QueryTooLong  it takes more samples or time than it may
"""

from __future__ import annotations


class PromqlError(ValueError):
    """A sentence: what is wrong and what to do."""

    def __init__(self, message: str, position: int | None = None) -> None:
        """`position` is an offset in the expression, in characters, where one is known."""
        super().__init__(message)
        self.position = position


class BadExpression(PromqlError):
    """Prometheus would refuse it, or it needs what is not evaluated here."""


class BadNotation(PromqlError):
    """Not a series in the notation of rule tests."""


class EvaluationError(PromqlError):
    """It cannot be evaluated over the series that there are."""


class QueryTooLong(EvaluationError):
    """It takes more samples or more time than it may."""
