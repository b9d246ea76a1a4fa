"""Nodes that an archive knows: Orthanc's remote modalities, and the application entities of dcm4chee-arc."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pacs_monitor.check import CheckFailed
from pacs_monitor.configuring.textfile import TextFileError, read_text
from pacs_monitor.importing.listing import ImportRefused, Listing
from pacs_monitor.settings import PeerSettings

_ANSWERS_WITHIN = 20.0
# A text in quotes, or a comment: the former is kept.
_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_MANUFACTURERS = {"", "generic", "genericnowildcardindates", "genericnouniversalwildcard"}


def read_document(source: Path | PeerSettings, path: str) -> Any:
    """The JSON of a file, which may hold comments, or of a server at `path`. Raises ImportRefused."""
    if isinstance(source, Path):
        try:
            text = read_text(source)
        except TextFileError as error:
            raise ImportRefused(f"{source}: {error.message}") from None
        where = str(source)
    else:
        from pacs_monitor.fetching import get

        where = source.url
        try:
            text = get(source, _ANSWERS_WITHIN, path=path).decode("utf-8", "replace")
        except CheckFailed as failure:
            raise ImportRefused(failure.message) from None
    bare = _COMMENT.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    try:
        return json.loads(bare)
    except ValueError as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ImportRefused(
            f"{where}{line}: is not JSON; name Orthanc's configuration or the archive's address"
        ) from None
    except RecursionError:
        raise ImportRefused(f"{where}: is nested too deeply to be a list of nodes; check the name") from None


def orthanc_modalities(source: Path | PeerSettings, named: str) -> Listing:
    """The remote modalities of an Orthanc, from its configuration file or REST API. Raises ImportRefused."""
    document = read_document(source, "/modalities?expand")
    if isinstance(document, dict) and isinstance(source, Path):
        document = document.get("DicomModalities")
    if not isinstance(document, dict):
        raise ImportRefused(f"{named}: holds no DicomModalities; name the file of Orthanc's configuration that does")
    listing = Listing(named, "AE", [])
    for name, said in document.items():
        if isinstance(said, list):
            # The short form: AE title, host, port, and maybe the manufacturer.
            said = dict(zip(("AET", "Host", "Port", "Manufacturer"), said, strict=False))
        if not isinstance(said, dict):
            listing.notes.append(f"{named}: {name}: is no modality; left out")
            continue
        vendor = str(said.get("Manufacturer") or "")
        _add(
            listing,
            name,
            said.get("AET"),
            said.get("Host"),
            said.get("Port"),
            secure=said.get("UseDicomTls") is True,
            labels={} if vendor.lower() in _MANUFACTURERS else {"vendor": vendor},
        )
    return listing


def dcm4chee_entities(source: Path | PeerSettings, named: str) -> Listing:
    """The application entities that dcm4chee-arc has in its configuration (`/aes`). Raises ImportRefused."""
    document = read_document(source, "" if named.endswith("/aes") else "/aes")
    if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
        raise ImportRefused(f"{named}: is no list of application entities; name https://HOST:8443/dcm4chee-arc")
    listing = Listing(named, "AE", [])
    for entity in document:
        title = str(entity.get("dicomAETitle") or "")
        open_ports = [
            one for one in entity.get("dicomNetworkConnection") or () if isinstance(one, dict) and one.get("dicomPort")
        ]
        if not entity.get("dicomAssociationAcceptor", True) or entity.get("dicomInstalled") is False or not open_ports:
            listing.notes.append(f"{named}: {title}: takes no associations; left out")
            continue
        plain = [one for one in open_ports if not one.get("dicomTLSCipherSuite")]
        best = (plain or open_ports)[0]
        device = str(entity.get("dicomDeviceName") or "")
        _add(
            listing,
            title,
            title,
            best.get("dicomHostname"),
            best.get("dicomPort"),
            secure=not plain,
            labels={"device": device} if device else {},
        )
    return listing


def _add(
    listing: Listing, name: str, title: Any, host: Any, port: Any, *, secure: bool, labels: dict[str, str]
) -> None:
    texts = {"name": name, "host": host, "port": port, "ae_title": title}
    said = {setting: "" if value is None else str(value) for setting, value in texts.items()}
    listing.add(name, said | {f"labels.{label}": text for label, text in labels.items()}, tls=secure)
