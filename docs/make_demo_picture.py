"""Draws docs/demo.svg: the live board of a real agent while faults are present in the simulated hospital.

`python docs/make_demo_picture.py`; it takes about half a minute.
"""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from pacs_monitor import __version__, demo
from pacs_monitor.agent import Agent
from pacs_monitor.live import Board
from pacs_monitor.simulator.client import Hospital

PICTURE = Path(__file__).parent / "demo.svg"
WIDTH = 118
SHOWN_PATH = "/var/lib/archive"
"""What stands for the temporary folder of the simulated disk."""


async def main() -> None:
    """Run the agent, order the faults one after the other, and draw what the terminal shows then."""
    with tempfile.TemporaryDirectory() as name, Hospital() as hospital:
        folder = Path(name)
        path = folder / "pacs-monitor.yml"
        path.write_text(demo.configuration(hospital, folder, "127.0.0.1:0"))
        agent = Agent(path)
        await agent.start()
        try:
            await asyncio.sleep(6)
            hospital.order("us1", "silent")
            await asyncio.sleep(4)
            hospital.order("router", "rejects")
            hospital.order("worklist", "finds_nothing")
            hospital.order("disk", "fills", used_ratio=0.97)
            await asyncio.sleep(9)
            hospital.order("mr1", "slow", seconds=3.0)
            hospital.order("ct1", "refuses")
            await asyncio.sleep(8)
            header = f"pacs-monitor {__version__}, {path.name}, http://127.0.0.1:9811"
            console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
            for record in agent.results:
                record.message = record.message.replace(str(hospital.disk), SHOWN_PATH)
            console.print(Board(agent.results, agent.confirmation, header))
        finally:
            await agent.stop()
        picture = console.export_svg(title="pacs-monitor", theme=MONOKAI, unique_id="demo")
        # Its fonts would come from another host: any monospaced one will do.
        PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL) + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
