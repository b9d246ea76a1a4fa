"""Volumes out of what node_exporter and windows_exporter say of a machine."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from pacs_monitor.check import CheckFailed
from pacs_monitor.settings import PeerSettings, TlsClient
from pacs_monitor.units import Url
from pacs_monitor.volumes import Space

_PREFIXES = {"windows_logical_disk_": "volume", "node_filesystem_": "mountpoint"}
"""What their metrics begin with, and the label that names a volume."""
_WANTED = re.compile(
    r"(?:windows_logical_disk_(?:free_bytes|size_bytes|readonly)"
    r"|node_filesystem_(?:avail_bytes|free_bytes|size_bytes|files|files_free|readonly)) ?\{"
)


class ExporterSettings(PeerSettings):
    """How to reach an exporter."""

    url: Url
    """Its page of metrics, such as http://10.0.0.5:9182/metrics; redirects are not followed."""
    tls: TlsClient = TlsClient()
    """How its certificate is verified, and what we show it."""


def volumes(page: bytes, where: str) -> dict[str, Space]:
    """Volumes by their names there. `page` is a page of metrics, `where` names its server. Raises CheckFailed."""
    try:
        # Thousands of other lines are left unread: the parser would take seconds for them.
        text = "".join(f"{line}\n" for line in page.decode().split("\n") if _WANTED.match(line))
        figures = dict(_figures(text))
    except ValueError:
        raise CheckFailed(
            "mismatch", f"{where} gives a page that is no metrics in Prometheus' text format; correct url"
        ) from None
    if not figures:
        raise CheckFailed(
            "mismatch",
            f"{where} says nothing of volumes; correct url, or switch on the collector filesystem of node_exporter or "
            f"logical_disk of windows_exporter",
        )
    spaces = {name: _space(known) for name, known in figures.items()}
    return {name: space for name, space in spaces.items() if space is not None}


def _figures(text: str) -> Iterator[tuple[str, dict[str, float]]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for prefix, label in _PREFIXES.items():
            if family.name.startswith(prefix):
                for sample in family.samples:
                    # What was mounted last over another is what is seen there.
                    found[sample.labels.get(label, "")][family.name.removeprefix(prefix)] = sample.value
    yield from found.items()


def _space(known: dict[str, float]) -> Space | None:
    size, free = known.get("size_bytes"), known.get("avail_bytes", known.get("free_bytes"))
    if size is None or free is None:
        return None
    readonly = bool(known["readonly"]) if "readonly" in known else None
    inodes, inodes_free = known.get("files", 0.0), known.get("files_free", 0.0)
    return Space(size, free, size - known.get("free_bytes", free), inodes, inodes_free, readonly)
