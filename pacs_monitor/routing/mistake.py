"""A mistake of ours in the log: what and where, and nothing of what was to be told."""

from __future__ import annotations

import traceback
from pathlib import Path


def place_of(error: BaseException) -> str:
    """Its kind and the innermost lines; not its words, which may hold a patient's name."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    way = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} at {way}"
