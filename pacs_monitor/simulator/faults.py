"""The faults that can be ordered, and the limits of their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class OrderError(ValueError):
    """An order that cannot be carried out; the message says what can be ordered instead."""


@dataclass(frozen=True)
class Parameter:
    """A number that a fault takes, its default and its inclusive limits."""

    default: float
    lowest: float
    highest: float


Faults = Mapping[str, Mapping[str, Parameter]]

NODE_FAULTS: Faults = {
    "none": {},
    "slow": {"seconds": Parameter(default=3.0, lowest=0.0, highest=3600.0)},
    "rejects": {},
    "refuses": {},
    "silent": {},
    "aborts": {},
    "finds_nothing": {},
}
# 99 %: usage.json, which lies on the same disk, still has to fit.
DISK_FAULTS: Faults = {
    "none": {},
    "fills": {"used_ratio": Parameter(default=0.97, lowest=0.0, highest=0.99)},
}


@dataclass(frozen=True)
class Fault:
    """A fault in force, with every parameter that it takes."""

    kind: str
    parameters: Mapping[str, float]


HEALTHY = Fault("none", {})


def ordered_fault(faults: Faults, kind: object, parameters: Mapping[str, object]) -> Fault:
    """Give the fault that an order asks for, its defaults filled in.

    Raises OrderError for an unknown fault, an unknown parameter or a value beyond its limits.
    """
    if not isinstance(kind, str) or kind not in faults:
        raise OrderError(f"no fault {kind!r}; there are {', '.join(faults)}")
    taken = faults[kind]
    if unknown := sorted(set(parameters) - set(taken)):
        raise OrderError(f"{kind} takes {', '.join(taken) or 'no parameter'}, not {', '.join(unknown)}")
    values = {name: _within(name, limits, parameters.get(name)) for name, limits in taken.items()}
    return Fault(kind, values)


def _within(name: str, limits: Parameter, value: object) -> float:
    if value is None:
        return limits.default
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not limits.lowest <= float(str(value)) <= limits.highest:
        raise OrderError(f"{name}: {value!r} is not a number from {limits.lowest:g} to {limits.highest:g}")
    return float(str(value))
