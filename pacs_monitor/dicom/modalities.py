"""The modality codes of the standard, so that nothing else out of a data set becomes a label."""

from __future__ import annotations

OTHER = "other"
"""What stands for every code that the standard does not have, and for none at all."""

# PS3.3 C.7.3.1.1.1: the defined terms, and after them those that were retired: old archives are full of them.
_CODES = """
    ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DMS DG DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL IVOCT
    IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG
    RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA
    XA XAPROTOCOL XC
    AS CD CF CP CS DD DF DM DS EC FA FS LP MA MS OPR ST TD VF
"""
CODES = frozenset(_CODES.split())


def modality_label(code: object) -> str:
    """The code if it is one of the standard's, else `other`; of several the first that is."""
    for part in str(code).upper().split("\\"):
        if part.strip(" \0") in CODES:
            return part.strip(" \0")
    return OTHER
