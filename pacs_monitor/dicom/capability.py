"""What a node may take: a SOP class with a transfer syntax, by the names that people use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from pacs_monitor.dicom.codec import Context, uid_name
from pacs_monitor.dicom.contexts import UNCOMPRESSED, sop_class_uid
from pacs_monitor.units import Unit

SHORT = {
    "CR": "ComputedRadiographyImageStorage",
    "CT": "CTImageStorage",
    "DX": "DigitalXRayImageStorageForPresentation",
    "MG": "DigitalMammographyXRayImageStorageForPresentation",
    "MR": "MRImageStorage",
    "NM": "NuclearMedicineImageStorage",
    "PT": "PositronEmissionTomographyImageStorage",
    "RF": "XRayRadiofluoroscopicImageStorage",
    "SC": "SecondaryCaptureImageStorage",
    "US": "UltrasoundImageStorage",
    "XA": "XRayAngiographicImageStorage",
}
"""By the codes of modalities, the class that their images usually have."""
UNCOMPRESSED_NAME = "uncompressed"
"""Stands for the transfer syntax of what is asked for without compression."""


@dataclass(frozen=True)
class Capability:
    """One presentation context that is asked for."""

    uid: str
    syntax: str
    """The keyword of its transfer syntax, or its UID if it has none."""
    transfers: tuple[str, ...]

    @property
    def key(self) -> str:
        """What it is saved under."""
        return f"{self.uid}/{self.syntax}"

    @property
    def keyword(self) -> str:
        """The keyword of its SOP class, or the UID if it has none."""
        return _keyword(self.uid)

    @property
    def words(self) -> str:
        """The SOP class for people."""
        return uid_name(self.uid)

    @property
    def context(self) -> Context:
        """As it is proposed."""
        return Context(self.uid, self.transfers)


def storage_uid(name: str) -> str:
    """The UID of a class of images by short name, keyword or UID. Raises ValueError with the remedy."""
    return sop_class_uid(SHORT.get(name, name))


@lru_cache(maxsize=1)
def _transfer_syntaxes() -> dict[str, str]:
    from pydicom._uid_dict import UID_dictionary

    return {entry[4]: uid for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax" and entry[4]}


def transfer_syntax_uid(name: str) -> str:
    """The UID of a transfer syntax by keyword or UID. Raises ValueError with the remedy."""
    if name[:1].isdigit():
        return sop_class_uid(name)
    known = _transfer_syntaxes()
    if name not in known:
        close = get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]}?" if close else "write its keyword as PS3.6 has it, or its UID"
        raise ValueError(f"{name} is not a transfer syntax; {hint}")
    return known[name]


def _required(name: str) -> str:
    sop_class, slash, syntax = name.partition("/")
    storage_uid(sop_class)
    if slash:
        transfer_syntax_uid(syntax)
    return name


def _keyword(uid: str) -> str:
    from pydicom.uid import UID

    return str(UID(uid).keyword or uid)


StorageName = Annotated[str, AfterValidator(storage_uid), Unit("SOP class", example="CTImageStorage")]
TransferSyntaxName = Annotated[
    str, AfterValidator(transfer_syntax_uid), Unit("transfer syntax", example="JPEG2000Lossless")
]
RequiredName = Annotated[
    str, AfterValidator(_required), Unit("SOP class or SOP class/transfer syntax", example="CT/JPEG2000Lossless")
]


def proposals(images: Iterable[str], syntaxes: Iterable[str], others: Iterable[str]) -> tuple[Capability, ...]:
    """Images with each transfer syntax by itself, others with the uncompressed ones; all are UIDs, none twice."""
    syntaxes = tuple(syntaxes)
    asked = [Capability(image, _keyword(syntax), (syntax,)) for image in images for syntax in syntaxes]
    asked += [Capability(other, UNCOMPRESSED_NAME, UNCOMPRESSED) for other in others]
    return tuple(dict.fromkeys(asked))


def required_among(name: str, asked: Iterable[Capability]) -> frozenset[Capability]:
    """Those of what is asked for that satisfy a requirement: a SOP class, or one with a transfer syntax."""
    sop_class, slash, syntax = name.partition("/")
    uid, wanted = storage_uid(sop_class), transfer_syntax_uid(syntax) if slash else ""
    return frozenset(one for one in asked if one.uid == uid and (not slash or wanted in one.transfers))


def named(key: str) -> str:
    """What is saved under a key, for people."""
    uid, _, syntax = key.partition("/")
    return f"{uid_name(uid)} with {syntax}" if syntax != UNCOMPRESSED_NAME else uid_name(uid)
