"""Finds checks in folders: one file is one kind, and its name is the kind's."""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from pydantic import PydanticUndefinedAnnotation

from pacs_monitor import class_rules, metric_rules
from pacs_monitor.check import Check, Metric
from pacs_monitor.settings import Complaint

_KIND = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class LoadError(Exception):
    """A check's file that cannot be used, with the complaint that says where and why."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(str(complaint))
        self.complaint = complaint


@dataclass(frozen=True)
class CheckKind:
    """What one file gives: the kind's name, its class and the metrics it declares."""

    kind: str
    source: Path
    cls: type[Check]
    metrics: tuple[Metric, ...]
    summary: str
    digest: str = field(default="", compare=False)
    """Changes with the file's content."""
    lines: dict[str, int] = field(default_factory=dict, compare=False, repr=False)
    """The line on which each metric's name comes into the file."""


_loaded: dict[Path, CheckKind] = {}


def load_file(path: Path) -> CheckKind:
    """The kind that a file defines; the same object as before if its content is the same.

    Raises LoadError with the file, the line and the remedy.
    """
    source = _read(path)
    digest = hashlib.sha256(source).hexdigest()
    known = _loaded.get(path.resolve())
    if known and known.digest == digest and known.source == path:
        return known
    kind = _load(path, source, digest)
    _loaded[path.resolve()] = kind
    return kind


def load_folders(folders: Iterable[Path]) -> tuple[dict[str, CheckKind], list[Complaint]]:
    """All kinds of all folders, and what is wrong with the files that give none.

    A second file for a kind, or one that declares a metric differently than a file before it, is left out.
    """
    kinds: dict[str, CheckKind] = {}
    complaints: list[Complaint] = []
    for path in _files(folders, complaints):
        try:
            found = load_file(path)
        except LoadError as error:
            complaints.append(error.complaint)
            continue
        complaint = _clash(found, kinds)
        if complaint:
            complaints.append(complaint)
        else:
            kinds[found.kind] = found
    return kinds, complaints


def _files(folders: Iterable[Path], complaints: list[Complaint]) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in folders:
        if folder.resolve() in seen:
            continue
        seen.add(folder.resolve())
        try:
            names = sorted(path for path in folder.iterdir() if path.suffix == ".py")
        except OSError as error:
            complaints.append(
                Complaint(str(folder), 0, "", f"the folder cannot be read ({error.strerror}); check its rights")
            )
            continue
        yield from (path for path in names if not path.name.startswith(("_", ".")))


def _clash(found: CheckKind, kinds: dict[str, CheckKind]) -> Complaint | None:
    place = str(found.source)
    if found.kind in kinds:
        other = kinds[found.kind].source
        return Complaint(place, 1, "", f"{other} is the kind {found.kind} already; rename this file")
    for metric in found.metrics:
        for kind in kinds.values():
            other_metric = metric_rules.conflict(metric, kind.metrics)
            if other_metric is not None:
                other_place = f"{kind.source}:{kind.lines.get(other_metric.name, 1)}"
                message = f"{metric.name} is declared differently in {other_place}; rename one of the two"
                return Complaint(place, found.lines.get(metric.name, 1), "", message)
    return None


def _read(path: Path) -> bytes:
    if not _KIND.fullmatch(path.stem):
        _refuse(path, 1, f"{path.stem} is not a kind; name the file with a-z, 0-9 and '_', first a letter")
    try:
        return path.read_bytes()
    except OSError as error:
        _refuse(path, 0, f"the file cannot be read ({error.strerror}); check its rights")


def _load(path: Path, source: bytes, digest: str) -> CheckKind:
    # Python does not say where it stands.
    if b"\0" in source:
        line = source.count(b"\n", 0, source.index(b"\0")) + 1
        _refuse(path, line, "is not Python: it holds a null byte; save it as plain text")
    try:
        tree = ast.parse(source, filename=str(path))
    except SyntaxError as error:
        _refuse(path, error.lineno or 1, f"is not Python: {error.msg}; mend this line, or the one before it")
    module = _run(path, tree, digest)
    cls = _check_class(path, tree, module)
    metrics, lines = _metrics(path, tree, module, cls)
    summary = cls.description or (inspect.getdoc(cls) or "").partition("\n")[0]
    return CheckKind(path.stem, path, cls, metrics, summary, digest, lines)


def _run(path: Path, tree: ast.Module, digest: str) -> ModuleType:
    # The digests keep the name apart from every package, from its namesakes and from its own older versions.
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"pacs_monitor_check_{path.stem}_{place}_{digest[:8]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # before it runs: pydantic looks up annotations there
    # pydantic finds the docstrings of settings by way of the file's name, which must not lead to an older version.
    for known in (str(path), os.path.realpath(path)):
        inspect.modulesbyfile.pop(known, None)
    linecache.checkcache(str(path))
    try:
        exec(compile(tree, str(path), "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:  # noqa: BLE001  an administrator's file may raise anything
        del sys.modules[name]
        told = traceback.format_exception_only(error)[-1].strip().splitlines()[0]
        missing = isinstance(error, ModuleNotFoundError)
        remedy = "install it for the Python that runs pacs-monitor, or mend this line" if missing else "mend this line"
        _refuse(path, _line_of_error(path, error), f"cannot be loaded: {told}; {remedy}")
    return module


def _line_of_error(path: Path, error: BaseException) -> int:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return (lines[-1] if lines else None) or 1


def _check_class(path: Path, tree: ast.Module, module: ModuleType) -> type[Check]:
    classes = [
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Check)
        and value.__module__ == module.__name__
        and name == value.__name__
        and not name.startswith("_")
    ]
    if not classes:
        _refuse(path, 1, "holds no check; write one class that is a Check or a NodeCheck")
    cls = classes[-1]
    if len(classes) > 1:
        names = ", ".join(found.__name__ for found in classes)
        line = _line_of(tree, cls.__name__)
        _refuse(path, line, f"holds {len(classes)} checks ({names}); give each a file of its own")
    for fault in class_rules.faults(cls):
        _refuse(path, _line_of(tree, cls.__name__), f"{cls.__name__}: {fault}")
    try:
        cls.model_rebuild()  # annotations may name what comes later in the file, but must name something
    except PydanticUndefinedAnnotation as error:
        _refuse(path, _line_of(tree, cls.__name__), f"{cls.__name__}: there is no {error.name}; import or define it")
    return cls


def _metrics(
    path: Path, tree: ast.Module, module: ModuleType, cls: type[Check]
) -> tuple[tuple[Metric, ...], dict[str, int]]:
    found: dict[str, Metric] = {}
    lines: dict[str, int] = {}
    for variable, metric in _declared(module, cls):
        line = _line_of(tree, variable)
        for fault in metric_rules.faults(metric):
            _refuse(path, line, fault)
        other = metric_rules.conflict(metric, found.values())
        if other is not None:
            _refuse(path, line, f"{metric.name} is declared differently in line {lines[other.name]}; rename it")
        found.setdefault(metric.name, metric)
        lines.setdefault(metric.name, line)
    return tuple(found.values()), lines


def _declared(module: ModuleType, cls: type[Check]) -> Iterator[tuple[str, Metric]]:
    """The metrics of the file, and those that stand beside a class it builds on, under that class's name."""
    for variable, value in vars(module).items():
        if isinstance(value, Metric) and value not in cls.leaves_out:
            yield variable, value
    for base in cls.__mro__[1:]:
        if issubclass(base, Check) and base.__module__ not in (Check.__module__, module.__name__):
            beside = vars(sys.modules[base.__module__]).values()
            shared = (value for value in beside if isinstance(value, Metric) and value not in cls.leaves_out)
            yield from ((cls.__name__, value) for value in shared)


def _line_of(tree: ast.Module, name: str) -> int:
    """The line of the last top-level statement that gives a name, or 1."""
    line = 1
    for statement in tree.body:
        if name in _names_given(statement):
            line = statement.lineno
    return line


def _names_given(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.ImportFrom | ast.Import):
        return {alias.asname or alias.name for alias in statement.names}
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _refuse(path: Path, line: int, message: str) -> NoReturn:
    raise LoadError(Complaint(str(path), line, "", message)) from None
