"""The YAML file that an import writes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pacs_monitor.importing.judging import Judged
from pacs_monitor.node import Node
from pacs_monitor.setup import quoted


def file_text(judged: Judged, source: str, profile: str) -> str:
    """The nodes as a list for `nodes_from`, with what was left out in comments."""
    lines = [f"# Written by `pacs-monitor import` from {source}. Change it as you like: it is not written again."]
    lines += [f"# {_one_line(said)}" for said in (*judged.complaints, *judged.notes)]
    lines += [_line(node, profile) for node in judged.nodes] or ["[]"]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _line(node: Node, profile: str) -> str:
    parts = [f"name: {quoted(node.name)}", f"host: {quoted(str(node.host))}", f"port: {node.port}"]
    parts.append(f"ae_title: {quoted(str(node.ae_title))}")
    parts.append(f"profile: {quoted(profile)}" if profile else "checks: [c_echo]")
    if node.tls is not None:
        parts.append("tls: {}")
    if node.labels:
        labels = ", ".join(f"{quoted(name)}: {quoted(text)}" for name, text in node.labels.items())
        parts.append(f"labels: {{{labels}}}")
    return f"- {{{', '.join(parts)}}}"


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all; its folder is made. Raises OSError."""
    path.parent.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", encoding="utf-8", delete=False) as file:
        file.write(text)
    made = Path(file.name)
    made.chmod(0o644)
    made.replace(path)
