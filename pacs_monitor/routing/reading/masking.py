"""A file as people may see it: written anew, without comments, and with `<secret>` for each secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pacs_monitor.configuring.tree import Items, Map, Scalar, Value
from pacs_monitor.routing.reading.fields import MASK

_SECRET = re.compile(r"(?:.*_)?(?:password|secret|secrets|token|token_id|key|credentials)")
_ADDRESSES = {("webhook_configs", "url"), ("slack_configs", "api_url"), ("incidentio_configs", "url")}
"""Addresses that let whoever knows them post."""
_PLAIN = re.compile(r"[A-Za-z0-9_./+-][A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*")
_NULLS = ("null", "Null", "NULL")
_HOST = re.compile(r"(https?://)(?:[^/?#]*@)?([^/?#]*)")
_WITH_PASSWORD = re.compile(r"(://[^/@:]*):[^/@]*@")


def masked(tree: Value) -> str:
    """YAML that Alertmanager takes."""
    return "".join(f"{line}\n" for line in _lines(tree, ()))


def _lines(value: Value, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, Map) and value.entries:
        for key, (_, below) in value.entries.items():
            yield from _placed(f"{_text(key)}:", below, (*path, key), "  ")
    elif isinstance(value, Items) and value.items:
        for item in value.items:
            yield from _placed("-", item, path, "  ")
    else:
        yield _leaf(value, path)


def _placed(mark: str, value: Value, path: tuple[str, ...], indent: str) -> Iterator[str]:
    lines = list(_lines(value, path))
    if mark == "-" or len(_children(value)) == 0:
        yield f"{mark} {lines[0]}"
        yield from (f"{indent}{line}" for line in lines[1:])
    else:
        yield mark
        yield from (f"{indent}{line}" for line in lines)


def _children(value: Value) -> list[Value]:
    if isinstance(value, Map):
        return [entry.value for entry in value.entries.values()]
    return value.items if isinstance(value, Items) else []


def _leaf(value: Value, path: tuple[str, ...]) -> str:
    if isinstance(value, Map):
        return "{}"
    if isinstance(value, Items):
        return "[]"
    if value.text is None:
        return "null"
    return _text(_shown(value, path))


def _shown(value: Scalar, path: tuple[str, ...]) -> str:
    text = value.text or ""
    key, around = path[-1] if path else "", path[-2] if len(path) > 1 else ""
    if key == "slack_api_url" or key.endswith("webhook_url") or (around, key) in _ADDRESSES:
        # Alertmanager 0.25 wants to read an address here.
        host = _HOST.match(text)
        return f"{host[1]}{host[2]}/{MASK}" if host else MASK
    if text and (_SECRET.fullmatch(key) or around == "proxy_connect_header"):
        return MASK
    return _WITH_PASSWORD.sub(r"\1:xxxxx@", text)


def _text(text: str) -> str:
    """Without quotes where none are needed: Alertmanager takes a number or true in quotes for a text."""
    if _PLAIN.fullmatch(text) and text not in _NULLS and not text.startswith(("-", ".")):
        return text
    return json.dumps(text, ensure_ascii=False)
