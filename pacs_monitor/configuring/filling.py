"""Makes plain data of a part of the tree: paths made absolute, secrets read from their files."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from pacs_monitor.configuring.fields import has_names, leaf_types, models_in, settings_of
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.textfile import TextFileError, read_text
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, Value, below, plain

MAX_SECRET_BYTES = 64 * 1024


class _Shape(NamedTuple):
    """What to do with a field's values."""

    is_path: bool
    is_secret: bool
    must_be_readable: bool
    secret: str
    """The secret that the named file holds, if it holds one."""
    model: type[BaseModel] | None
    by_name: bool
    """Whether the models stand below names, as in `hours: {clinic: {...}}`."""


@lru_cache(maxsize=512)
def _shapes(model: type[BaseModel]) -> dict[str, _Shape]:
    fields = settings_of(model)
    leaves = {key: set(leaf_types(info.annotation)) for key, info in fields.items()}
    shapes = {}
    for key, info in fields.items():
        bare = key.removesuffix("_file")
        secret = bare if bare != key and SecretStr in leaves.get(bare, ()) else ""
        is_path = Path in leaves[key]
        readable = is_path and key.endswith("_file") and not secret
        model_below = next(iter(models_in(info.annotation)), None)
        is_secret = SecretStr in leaves[key]
        shapes[key] = _Shape(is_path, is_secret, readable, secret, model_below, has_names(info.annotation))
    return shapes


def fill(model: type[BaseModel], tree: Map, findings: Findings) -> dict[str, Any]:
    """Data that `model_validate` takes. A null counts as not set; a relative path starts at its own file's folder.

    What a `X_file` holds becomes `X`; files that cannot be read are complaints.
    """
    shapes = _shapes(model)
    data: dict[str, Any] = {}
    for key, (_, value) in tree.entries.items():
        if isinstance(value, Scalar) and value.text is None:
            continue
        shape = shapes.get(key)
        data[key] = _filled(shape, value, findings) if shape else plain(value)
    for key, shape in shapes.items():
        if shape.secret and isinstance(data.get(key), str):
            _fill_secret(shape.secret, key, tree, data, findings)
    return data


def _filled(shape: _Shape, value: Value, findings: Findings) -> Any:
    if isinstance(value, Items):
        return [_filled(shape, item, findings) for item in value.items]
    if isinstance(value, Map):
        if shape.model:
            return _fill_nested(shape, shape.model, value, findings)
        return {key: _filled(shape, entry.value, findings) for key, entry in value.entries.items()}
    if value.text is None:
        return None
    if shape.is_secret and not value.variable:
        findings.warn(value, "is a secret in plain text; keep it in a file of its own, or write ${NAME}")
    if shape.is_secret:
        findings.hidden.setdefault(value.text, "(hidden)")
    if shape.is_path and value.text and "\x00" not in value.text:
        path = resolve(value)
        if shape.must_be_readable:
            _check_readable(path, value, findings)
        return str(path.absolute())
    return value.text


def _fill_nested(shape: _Shape, model: type[BaseModel], value: Map, findings: Findings) -> dict[str, Any]:
    if not shape.by_name:
        return fill(model, value, findings)
    entries = {key: entry.value for key, entry in value.entries.items()}
    return {
        key: fill(model, inner, findings) if isinstance(inner, Map) else plain(inner) for key, inner in entries.items()
    }


def resolve(value: Scalar) -> Path:
    """The path that a value names, relative to the folder of the file it stands in."""
    return Path(os.path.normpath(Path(value.file).parent / (value.text or "")))


def _check_readable(path: Path, value: Scalar, findings: Findings) -> None:
    shown = f"the file that ${{{value.variable}}} names" if value.variable else str(path)
    if not path.exists():
        findings.complain(value, f"there is no file {shown}; check the name")
    elif not path.is_file() or not os.access(path, os.R_OK):
        findings.complain(value, f"{shown} cannot be read; check that it is a file, and its rights")
    findings.read(path)


def _fill_secret(name: str, key: str, tree: Map, data: dict[str, Any], findings: Findings) -> None:
    place = below(tree, key)
    if name in data:
        findings.complain(place, f"stands beside {name}; keep one of the two")
        return
    named = tree.get(key)
    assert isinstance(named, Scalar)
    path = resolve(named)
    try:
        text = read_text(path, MAX_SECRET_BYTES)
    except TextFileError as error:
        findings.complain(place, f"{path}: {error.message}")
        return
    secret = text.removesuffix("\n").removesuffix("\r")
    findings.read(path)
    if not secret.strip():
        findings.complain(place, f"{path} is empty; write the secret into it")
        return
    _warn_of_readers(path, place, findings)
    findings.hidden[secret] = "(hidden)"
    data[name] = secret


def _warn_of_readers(path: Path, place: Place, findings: Findings) -> None:
    status = path.stat()
    # A file of root's that our group may read is how a service gets its secrets: only our own must be shut.
    too_open = stat.S_IROTH | (stat.S_IRGRP if status.st_uid == os.geteuid() else 0)
    if status.st_mode & too_open:
        findings.warn(place, f"others may read {path}; run chmod 600 {path}")
