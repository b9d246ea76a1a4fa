"""Logging: one line for each event on stderr, where a service manager collects it."""

from __future__ import annotations

import logging

# They log what travels, or each failed connection; what we have to say of that is in the results.
QUIET = ("apscheduler", "pynetdicom", "pydicom", "urllib3", "uvicorn", "asyncio", "httpx")


def set_up(level: int = logging.INFO) -> None:
    """Log to stderr from this level on."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.ERROR))
    for name in ("pynetdicom", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
