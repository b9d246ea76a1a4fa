"""SOP classes by the names that people use, as presentation contexts."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from pacs_monitor.dicom.codec import IMPLICIT_VR_LITTLE_ENDIAN, Context
from pacs_monitor.dicom.conversation import VERIFICATION_ONLY
from pacs_monitor.units import Unit

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
UNCOMPRESSED = (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN)

STUDY_ROOT_FIND = Context("1.2.840.10008.5.1.4.1.2.2.1", UNCOMPRESSED)
STUDY_ROOT_GET = Context("1.2.840.10008.5.1.4.1.2.2.3", UNCOMPRESSED)
STUDY_ROOT_MOVE = Context("1.2.840.10008.5.1.4.1.2.2.2", UNCOMPRESSED)
MODALITY_WORKLIST_FIND = Context("1.2.840.10008.5.1.4.31", UNCOMPRESSED)
SECONDARY_CAPTURE = Context("1.2.840.10008.5.1.4.1.1.7", UNCOMPRESSED)


@lru_cache(maxsize=1)
def _sop_classes() -> dict[str, str]:
    """UID by keyword, from pydicom's copy of PS3.6."""
    from pydicom._uid_dict import UID_dictionary

    return {entry[4]: uid for uid, entry in UID_dictionary.items() if entry[1] in ("SOP Class", "Meta SOP Class")}


@lru_cache(maxsize=1024)
def sop_class_uid(name: str) -> str:
    """The UID of a SOP class given by keyword or UID. Raises ValueError with the remedy."""
    if name[:1].isdigit():
        if len(name) > 64 or not _UID.fullmatch(name):
            raise ValueError(f"{name} is not a UID; up to 64 digits and dots")
        return name
    known = _sop_classes()
    uid = known.get(name)
    if uid is None:
        close = get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]}?" if close else "write its keyword as PS3.6 has it, or its UID"
        raise ValueError(f"{name} is not a SOP class; {hint}")
    return uid


ContextName = Annotated[str, AfterValidator(sop_class_uid), Unit("SOP class", example="CTImageStorage")]


def with_verification(uids: tuple[str, ...]) -> tuple[Context, ...]:
    """Verification first, then one context for each SOP class, with the uncompressed transfer syntaxes."""
    return VERIFICATION_ONLY + tuple(Context(uid, UNCOMPRESSED) for uid in uids)
