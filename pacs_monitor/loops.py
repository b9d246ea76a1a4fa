"""The event loop that every process of the agent runs on."""

from __future__ import annotations

import asyncio
from typing import cast


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An uvloop if it is installed (`pacs-monitor[fast]`), else asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return cast(asyncio.AbstractEventLoop, uvloop.new_event_loop())
