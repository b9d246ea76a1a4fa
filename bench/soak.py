"""Half an hour of a hospital whose nodes fail and recover: does the agent stay as it was, and does it disturb nobody?

Two hundred nodes of the simulator and an Orthanc, with every check that a hospital would give them. In the end it is
counted: the agent's memory, threads and descriptors; associations at the nodes; synthetic studies; patients' names.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
import requests
from pydicom import dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.agent_process import AgentProcess  # noqa: E402
from bench.common import Goal, goals_data, goals_table, load, machine, progress, python, table  # noqa: E402
from bench.soak_hospital import CANARY, make_image  # noqa: E402
from pacs_monitor.simulator.faults import NODE_FAULTS  # noqa: E402
from tests.notify.mailserver import Inbox, mail_server  # noqa: E402
from tests.peers.orthanc import Orthanc, run_orthanc  # noqa: E402
from tests.peers.ports import free_port  # noqa: E402

FAULT_EVERY = 3.0
"""Seconds between orders; half of them end a fault."""
MOST_FAULTY = 20
SAMPLE_EVERY = 10.0
PLANTED = 20
"""Studies in Orthanc that are none of ours."""
PAGES = ("/", "/metrics", "/api/status", "/api/overview", "/api/v2/alerts", "/health")


@dataclass
class Sample:
    """The agent's processes at one time."""

    at: float
    pss: float
    """MB, shared pages in proportion."""
    threads: int
    descriptors: int
    processes: int


class Hospital:
    """The process with the nodes."""

    def __init__(self, count: int) -> None:
        command = python("bench.soak_hospital", "--nodes", count)
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.nodes: dict[str, dict[str, Any]] = self._read()
        self.faulty: list[str] = []

    def order(self, chance: random.Random) -> None:
        """Let a node fail or recover."""
        if self.faulty and (len(self.faulty) >= MOST_FAULTY or chance.random() < 0.5):
            self._ask({"node": self.faulty.pop(chance.randrange(len(self.faulty))), "fault": "none"})
            return
        node = chance.choice([name for name in self.nodes if name not in self.faulty])
        kind = chance.choice([name for name in NODE_FAULTS if name != "none"])
        self._ask({"node": node, "fault": kind})
        self.faulty.append(node)

    def heal(self) -> None:
        """Let all nodes recover."""
        while self.faulty:
            self._ask({"node": self.faulty.pop(), "fault": "none"})

    def count(self) -> dict[str, Any]:
        """What the nodes have seen of associations."""
        return self._ask({"count": True})

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


CONFIG = """\
site: soak
ae_title: PACSMON
data_dir: {folder}/state
web: {{listen: "127.0.0.1:{port}"}}
profiles:
  modality: [{{c_echo: {{interval: 15s, down_after: 2}}}}]
  router: [{{c_echo: {{interval: 15s, down_after: 2}}}}]
  archive:
    - c_echo: {{interval: 15s, down_after: 2}}
    - c_find: {{interval: 20s, expect_at_least: 1}}
    - arrivals: {{interval: 30s}}
  worklist: [{{c_echo: {{interval: 15s, down_after: 2}}}}, {{worklist: {{interval: 20s, stations: [CT1, MR1]}}}}]
nodes_from: [{{file: nodes.yml}}]
checks:
  - disk: {{path: {folder}, interval: 15s, free_critical: 0%, free_warning: 0%}}
  - queue: {{path: {folder}/queue, most: 1000, interval: 15s}}
people: {{ana: {{email: ana@north.example}}}}
alerting: {{rules: [builtin]}}
notify:
  smtp: {{host: "127.0.0.1:{smtp}", from: pacsmon@north.example, require_tls: false}}
  rules: [{{to: ana}}]
"""
ORTHANC = """\
- name: orthanc
  host: 127.0.0.1
  port: {dicom}
  ae_title: ORTHANC
  importance: critical
  checks:
    - c_echo: {{interval: 15s}}
    - tcp: {{port: {http}, interval: 15s}}
    - c_find: {{interval: 15s}}
    - orthanc: {{interval: 15s, url: "{url}"}}
    - arrivals: {{interval: 15s, rest: {{orthanc: "{url}"}}}}
    - http: {{interval: 15s, url: "{url}/system", expect_json: ['.Name == "ORTHANC"']}}
    - ingest: {{interval: 60s, write: true, delete: {{orthanc: "{url}"}}}}
    - retrieve: {{interval: 60s, write: true, ways: [get], delete: {{orthanc: "{url}"}}}}
"""


def write_configuration(
    folder: Path, nodes: dict[str, dict[str, Any]], orthanc: Orthanc, smtp: int
) -> tuple[Path, int]:
    """The file, and the port of the agent's web server."""
    port = free_port()
    lines = [
        f"- {{name: {name}, host: {node['host']}, port: {node['port']}, ae_title: {node['ae_title']}, "
        f"profile: {node['role']}, min_interval: 1s}}\n"
        for name, node in nodes.items()
    ]
    (folder / "queue").mkdir()
    (folder / "queue" / f"{CANARY}.dcm").write_text(CANARY)
    (folder / "nodes.yml").write_text(
        "".join(lines) + ORTHANC.format(dicom=orthanc.dicom_port, http=orthanc.http_port, url=orthanc.url)
    )
    path = folder / "pacs-monitor.yml"
    path.write_text(CONFIG.format(folder=folder, port=port, smtp=smtp))
    return path, port


def sample(pid: int) -> Sample:
    """All processes of the agent now."""
    first = psutil.Process(pid)
    every = [first, *first.children(recursive=True)]
    pss = sum(one.memory_full_info().pss for one in every) / 1e6
    threads, descriptors = sum(one.num_threads() for one in every), sum(one.num_fds() for one in every)
    return Sample(time.monotonic(), pss, threads, descriptors, len(every))


def soak(agent: AgentProcess, hospital: Hospital, seconds: float, seed: int) -> list[Sample]:
    """Let nodes fail and recover for so long."""
    chance, samples, began = random.Random(seed), [], time.monotonic()
    next_sample = began
    while (now := time.monotonic()) < began + seconds:
        hospital.order(chance)
        if now >= next_sample:
            samples.append(sample(agent.pid))
            next_sample += SAMPLE_EVERY
            progress(f"{now - began:.0f} of {seconds:.0f} s, {samples[-1].pss:.0f} MB, {len(hospital.faulty)} faulty")
        time.sleep(FAULT_EVERY)
    hospital.heal()
    return samples


def canaries(folder: Path, port: int, inbox: Inbox) -> dict[str, int]:
    """How often a patient's name stands where it must not."""
    found = {}
    for page in PAGES:
        answer = httpx.get(f"http://127.0.0.1:{port}{page}", timeout=60)
        found[page] = answer.text.count(CANARY)
    found["mails"] = sum(raw.count(CANARY.encode()) for raw in inbox.raw)
    for path in (folder / "pacs-monitor.log", *(folder / "state").rglob("*")):
        if path.is_file():
            found[path.name] = count_in(path)
    return found


def count_in(path: Path) -> int:
    return path.read_bytes().count(CANARY.encode())


def plant(orthanc: Orthanc) -> None:
    """Give Orthanc studies with the name in every attribute."""
    for number in range(PLANTED):
        file, image = BytesIO(), make_image(number)
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dcmwrite(file, image, enforce_file_format=True)
        requests.post(f"{orthanc.url}/instances", data=file.getvalue(), timeout=60).raise_for_status()


def ratio(samples: Sequence[Sample], name: str) -> float:
    """The last quarter beside the second: the first is for warming up."""
    quarter = max(1, len(samples) // 4)
    later, before = (
        median(getattr(one, name) for one in part) for part in (samples[-quarter:], samples[quarter : 2 * quarter])
    )
    return float(later / before)


@contextmanager
def everything(folder: Path, count: int) -> Iterator[tuple[AgentProcess, Hospital, Orthanc, Inbox, int]]:
    with ExitStack() as running:
        (folder / "orthanc").mkdir()
        orthanc = running.enter_context(run_orthanc(folder / "orthanc"))
        plant(orthanc)
        inbox = running.enter_context(mail_server())
        hospital = Hospital(count)
        running.callback(hospital.close)
        path, port = write_configuration(folder, hospital.nodes, orthanc, inbox.port)
        agent = running.enter_context(AgentProcess(path, port, level="debug"))
        yield agent, hospital, orthanc, inbox, port


def main() -> None:
    options = _options()
    print(f"{machine()}; {load()}; seed {options.seed}", file=sys.stderr if options.json else sys.stdout)
    with TemporaryDirectory(prefix="pacs-soak-") as name:
        folder = Path(name)
        with everything(folder, options.nodes) as (agent, hospital, orthanc, inbox, port):
            samples = soak(agent, hospital, options.minutes * 60, options.seed)
            time.sleep(options.settle)
            found, runs = canaries(folder, port, inbox), agent.scrape().total(r"pacs_check_runs_total\{[^}]*\}")
            agent.stop()
            time.sleep(2)
            doors, left = hospital.count(), orthanc.get("/statistics")["CountStudies"] - PLANTED
        found["log to the end"] = count_in(folder / "pacs-monitor.log")
    goals = [
        Goal("memory, last quarter beside the second", ratio(samples, "pss"), 1.05),
        Goal("threads, the same", ratio(samples, "threads"), 1.05),
        Goal("descriptors, the same", ratio(samples, "descriptors"), 1.05),
        Goal("most associations of ours at one node at once", doors["most"], 1),
        Goal("associations left open at the end", doors["open"], 0),
        Goal("synthetic studies left in Orthanc", left, 0),
        Goal("patients' names in pages, metrics, mails, log and database", sum(found.values()), 0),
        Goal("runs of checks", runs, 1, at_least=True),
        Goal("mails that were looked at", len(inbox.raw), 1, at_least=True),
    ]
    if options.json:
        data = {"samples": [asdict(one) for one in samples], "doors": doors, "canaries": found}
        print(json.dumps({**data, "goals": goals_data(goals)}))
    else:
        head = ["", "MB (PSS)", "threads", "descriptors"]
        print(table("The agent's processes", head, [_row(name, part) for name, part in _quarters(samples)]))
        print(f"\n{doors['answered']:,} associations at {options.nodes} nodes; looked for names in {', '.join(found)}")
        print(goals_table(goals))
    sys.exit(any(goal.verdict == "missed" for goal in goals[3:7]))


def _quarters(samples: Sequence[Sample]) -> Iterator[tuple[str, Sequence[Sample]]]:
    quarter = max(1, len(samples) // 4)
    for number, name in enumerate(("first quarter", "second", "third", "last")):
        part = samples[number * quarter :] if number == 3 else samples[number * quarter : (number + 1) * quarter]
        if part:
            yield name, part


def _row(name: str, part: Sequence[Sample]) -> list[str]:
    figures = (median(getattr(one, field) for one in part) for field in ("pss", "threads", "descriptors"))
    return [name, *(f"{figure:.0f}" for figure in figures)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settle", type=float, default=30, help="seconds after the last fault")
    parser.add_argument("--quick", action="store_true", help="20 nodes, under a minute")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.minutes, options.nodes, options.settle = 0.5, 20, 5
    return options


if __name__ == "__main__":
    main()
