"""Which column of a spreadsheet holds what: the words that hospitals write above them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

_WORDS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "device", "devicename", "nodename", "node", "station", "stationname", "system", "systemname",
             "modalityname", "gerat", "geratename", "bezeichnung", "alias", "nom", "nombre", "denumire"),
    "host": ("host", "ip", "ipaddress", "ipaddr", "ipadresse", "address", "adresse", "hostname", "hostip", "dns",
             "fqdn", "server", "direccionip", "adresseip", "adresaip", "ipv4"),
    "port": ("port", "dicomport", "portnumber", "scpport", "listenport", "tcpport", "portnr", "puerto"),
    "ae_title": ("aet", "aetitle", "aetitel", "ae", "applicationentity", "applicationentitytitle", "applicationtitle",
                 "calledaet", "calledaetitle", "dicomaet", "dicomaetitle", "scpaet"),
    "labels.modality": ("modality", "type", "devicetype", "modalitytype", "modalitat", "modalite", "modalidad", "tip"),
    "labels.vendor": ("vendor", "manufacturer", "hersteller", "fabricant", "fabricante", "producator", "make"),
    "labels.model": ("model", "devicemodel", "modell", "modele", "modelo"),
    "labels.location": ("location", "room", "site", "building", "department", "raum", "standort", "abteilung", "salle",
                        "sala", "ubicacion", "locatie"),
}  # fmt: skip


def guess(header: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """The column for each setting: those that are given, and of the others the first whose name is a known word."""
    found = dict(given)
    taken = set(given.values())
    for setting, words in _WORDS.items():
        if setting not in found:
            named = {_bare(column): column for column in reversed(header) if column and column not in taken}
            if column := next((named[word] for word in words if word in named), ""):
                found[setting] = column
                taken.add(column)
    return found


def missing(found: Iterable[str]) -> list[str]:
    """What a list of DICOM nodes cannot do without, and none of its columns holds."""
    there = set(found)
    lacking = [setting for setting in ("host", "port", "ae_title") if setting not in there]
    return lacking if there & {"name", "ae_title"} else ["name", *lacking]


def _bare(column: str) -> str:
    """A column's name without case, accents and what is no letter or digit."""
    plain = unicodedata.normalize("NFKD", column.casefold())
    return re.sub(r"[^a-z0-9]", "", "".join(letter for letter in plain if not unicodedata.combining(letter)))
