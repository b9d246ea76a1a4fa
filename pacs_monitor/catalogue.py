"""What kinds of checks there are, told from their classes: for `pacs-monitor checks` and the documentation."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pacs_monitor.check import Check
from pacs_monitor.configuring.fields import models_in, settings_of, unit_of
from pacs_monitor.loader import CheckKind
from pacs_monitor.units import Unit, format_duration

_WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text"}
_SIZES = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def catalogue(kinds: Mapping[str, CheckKind]) -> list[dict[str, Any]]:
    """Each kind as plain data: kind, summary, source, needs, settings and metrics.

    The settings that every check has are left out, but where a kind has another default or says something else of
    them: see `common_settings`.
    """
    return [
        {
            "kind": kind.kind,
            "summary": kind.summary,
            "source": str(kind.source),
            "needs": list(kind.cls.needs),
            "settings": list(_settings_of_kind(kind.cls)),
            "metrics": [
                {"name": metric.name, "type": metric.kind, "labels": list(metric.labelnames), "help": metric.help}
                for metric in kind.metrics
            ],
        }
        for _, kind in sorted(kinds.items())
    ]


def common_settings() -> list[dict[str, Any]]:
    """The settings that every check has, as `catalogue` tells them."""
    return list(settings_of_model(Check))


def _settings_of_kind(cls: type[Check]) -> Iterator[dict[str, Any]]:
    common = {setting["name"]: setting for setting in common_settings()}
    for setting in settings_of_model(cls):
        inherited = common.get(setting["name"])
        if inherited is None:
            yield setting
            continue
        told = {**setting, "description": setting["description"] or inherited["description"]}
        if told != inherited:
            yield told


def settings_of_model(model: type[BaseModel], prefix: str = "") -> Iterator[dict[str, Any]]:
    """The settings of a model as plain data, each followed by those below it, their names with its path."""
    for key, info in settings_of(model).items():
        unit = unit_of(info)
        yield {
            "name": prefix + key,
            "type": _type_name(info.annotation, unit),
            "unit": unit.unit if unit else "",
            "default": None if info.is_required() else as_typed(_default(info), unit),
            "required": info.is_required(),
            "description": " ".join((info.description or "").split()),
        }
        for nested in models_in(info.annotation):
            yield from settings_of_model(nested, f"{prefix}{key}.")


def _default(info: FieldInfo) -> Any:
    return info.get_default(call_default_factory=True, validated_data={})


def as_typed(value: Any, unit: Unit | None = None) -> str | None:
    """A value as an administrator would write it: `15s`, `10%`, `[a, b]`; None for none."""
    if value is None or isinstance(value, SecretStr):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list | set | frozenset):
        return f"[{', '.join(as_typed(item, unit) or '' for item in value)}]"
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {as_typed(item)}' for key, item in value.items())}}}"
    if isinstance(value, int | float):
        return _number(value, unit.name if unit else "")
    return str(value)


def _number(value: Any, unit: str) -> str:
    if unit == "duration":
        return format_duration(value)
    if unit == "share":
        return f"{100 * value:g}%"
    if unit == "size":
        return next((f"{value // size:g}{name}" for name, size in _SIZES if value and value % size == 0), f"{value:g}")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _type_name(annotation: Any, unit: Unit | None) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(args[0], next((item for item in args[1:] if isinstance(item, Unit)), unit))
    if origin in (Union, types.UnionType):
        names = [_type_name(arg, unit) for arg in args if arg is not types.NoneType]
        return " or ".join(dict.fromkeys(names))
    if origin in (tuple, list, set, frozenset):
        return f"list of {_type_name(args[0], unit)}"
    if origin is dict:
        return f"mapping to {_type_name(args[1], unit)}"
    if origin is Literal:
        return f"one of {', '.join(map(str, args))}"
    if unit is not None:
        return unit.name
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "settings"
    return _WORDS.get(annotation) or getattr(annotation, "__name__", str(annotation)).lower()


def render(told: list[dict[str, Any]]) -> RenderableType:
    """All kinds in a table."""
    table = _table("Kind", "What it does", "Settings")
    for kind in told:
        names = ", ".join(setting["name"] for setting in kind["settings"] if "." not in setting["name"])
        table.add_row(Text(kind["kind"], style="bold"), Text(kind["summary"]), Text(names))
    return Group(table, Text("\npacs-monitor checks KIND shows one in full.", style="dim"))


def render_kind(kind: dict[str, Any]) -> RenderableType:
    """One kind in full: what it needs, its settings, those of every check, and its metrics."""
    parts: list[RenderableType] = [Text(kind["kind"], style="bold"), Text(kind["summary"])]
    parts.append(Text(f"From {kind['source']}", style="dim"))
    if kind["needs"]:
        parts.append(Text(f"It needs the node's {_listed(kind['needs'])}."))
    own = {setting["name"] for setting in kind["settings"]}
    if own:
        parts += [_heading("Settings"), _settings_table(kind["settings"])]
    others = [setting for setting in common_settings() if setting["name"] not in own]
    parts += [_heading("Settings of every check"), _settings_table(others)]
    if kind["metrics"]:
        parts += [_heading("Metrics"), _metrics_list(kind["metrics"])]
    return Group(*parts)


def _metrics_list(metrics: list[dict[str, Any]]) -> Table:
    # Names and labels are too long to stand beside anything: 80 columns hold them alone.
    table = Table.grid()
    table.add_column(overflow="fold")
    for metric in metrics:
        labels = f"{{{', '.join(metric['labels'])}}}" if metric["labels"] else ""
        table.add_row(Text.assemble(f"{metric['name']}{labels}", (f"  {metric['type']}", "dim")))
        table.add_row(Padding(Text(metric["help"]), (0, 0, 0, 4)))
    return table


def _settings_table(settings: list[dict[str, Any]]) -> Table:
    table = _table("Setting", "Type", "Default", "What it does")
    for setting in settings:
        default = "required" if setting["required"] else setting["default"] or "none"
        table.add_row(*map(Text, (setting["name"], setting["type"], default, setting["description"])))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    return table


def _heading(text: str) -> Padding:
    return Padding(Text(text, style="bold"), (1, 0, 0, 0))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
