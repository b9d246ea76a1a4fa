"""Run checks now, once, for a person: by the running agent if there is one, else here."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from pacs_monitor.metrics import json_number
from pacs_monitor.results import Record, Results
from pacs_monitor.settings import Configuration, ConfiguredCheck, Key
from pacs_monitor.state import State, StateError
from pacs_monitor.workers import ProbeReport, Workers

ANSWERS_WITHIN = 5.0
"""Seconds that a running agent has to say that it lives."""
_RANKS = {"critical": 0, "normal": 1, "low": 2}


@dataclass(frozen=True)
class Probed:
    """What one check gave. Times in seconds."""

    node: str
    check: str
    kind: str
    importance: str
    """The node's; "" for a check without a node."""
    reason: str
    message: str
    started: float
    duration: float
    samples: list[tuple[str, dict[str, str], float]]

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return not self.reason

    @property
    def phases(self) -> dict[str, float]:
        """Seconds by phase or step, in the order of the conversation."""
        found = {
            labels.get("phase") or labels["step"]: value
            for name, labels, value in self.samples
            if name.endswith("_seconds") and ("phase" in labels or "step" in labels)
        }
        order = ("dns", "connect", "tls", "associate", "dimse", "release")
        return {name: found[name] for name in sorted(found, key=lambda name: order.index(name) if name in order else 9)}

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        told = asdict(self)
        told["ok"] = self.ok
        told["phases"] = self.phases
        told["samples"] = [
            {"name": name, "labels": labels, "value": json_number(value)} for name, labels, value in self.samples
        ]
        return told


def select(configuration: Configuration, node: str | None, check: str | None) -> list[Key]:
    """The checks that are meant; `node` may also be the name of a check without a node. Raises LookupError."""
    keys = list(configuration.checks)
    if node is None:
        return keys
    chosen = [key for key in keys if key[0] == node] or [key for key in keys if key == ("", node)]
    if not chosen:
        raise LookupError(f"there is no node {node} in {configuration.path}, nor a check of that name without a node")
    if check is None:
        return chosen
    found = [key for key in chosen if key[1] == check]
    if not found:
        known = ", ".join(key[1] for key in chosen)
        raise LookupError(f"{node} has no check {check}; it has {known}")
    return found


async def probe(configuration: Configuration, keys: list[Key]) -> list[Probed]:
    """Run these checks once, all at the same time, within each node's budget of associations; worst first.

    Raises LookupError if an agent runs that does not answer.
    """
    control = configuration.agent.data_dir / "control.sock"
    # Checks of one listener wait for each other: at worst all of them.
    longest = sum(configuration.checks[key].check.effective_timeout + 1 for key in keys)
    reports = await _by_agent(control, keys, longest + ANSWERS_WITHIN)
    if reports is None:
        reports = await _here(configuration, keys)
    return worst_first([_probed(configuration.checks[key], report) for key, report in zip(keys, reports, strict=True)])


def _probed(check: ConfiguredCheck, report: ProbeReport) -> Probed:
    importance = check.node.importance if check.node else ""
    return Probed(
        *check.key,
        check.kind,
        importance,
        report.reason,
        report.message,
        report.started,
        report.duration,
        report.samples,
    )


def worst_first(probed: Iterable[Probed]) -> list[Probed]:
    """What fails first, and of that what is more important; then what took longer."""
    return sorted(probed, key=lambda one: (one.ok, not one.ok and _RANKS.get(one.importance, 1), -one.duration))


async def _by_agent(control: Path, keys: list[Key], seconds: float) -> list[ProbeReport] | None:
    """Ask the agent that runs with this data directory: it knows what associations are open. None without one.

    Raises LookupError if there is one that does not answer: its worker may still probe, so we do not.
    """
    transport = httpx.AsyncHTTPTransport(uds=str(control))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=seconds) as client:

        async def ask(key: Key) -> ProbeReport | None:
            response = await client.post(f"/-/probe/{key[0] or '-'}/{key[1]}")
            if response.status_code != 200:
                return None
            told = response.json()
            values = [math.nan if one["value"] is None else one["value"] for one in told["samples"]]
            samples = [(one["name"], one["labels"], value) for one, value in zip(told["samples"], values, strict=True)]
            return ProbeReport(told["started"], told["duration"], told["reason"], told["message"], samples)

        try:
            await client.get("/-/healthy", timeout=ANSWERS_WITHIN)
            answers = await asyncio.gather(*(ask(key) for key in keys))
        except httpx.TimeoutException:
            raise LookupError(
                f"the agent that runs with {control.parent} does not answer; look into its log, or restart it"
            ) from None
        except httpx.HTTPError:
            return None
    known = [answer for answer in answers if answer is not None]
    # An agent that runs with another configuration does not know them all: then nobody is asked twice but us.
    return known if len(known) == len(keys) else None


async def _here(configuration: Configuration, keys: list[Key]) -> list[ProbeReport]:
    results = Results()
    checks = {key: configuration.checks[key] for key in keys}
    results.configure(checks, configuration.nodes, configuration.agent.site)
    with contextlib.ExitStack() as stack:
        state = _state(configuration)
        if state is not None:
            stack.callback(state.close)
        workers = Workers(results, state, scheduled=False)
        await workers.start(1)
        try:
            workers.order(list(results))
            return list(await asyncio.gather(*(_run(workers, results.records[key]) for key in keys)))
        finally:
            await workers.stop(within=2.5)


async def _run(workers: Workers, record: Record) -> ProbeReport:
    try:
        return await workers.probe(record)
    except ConnectionError as error:
        return ProbeReport(0.0, 0.0, "broken", str(error), [])


def _state(configuration: Configuration) -> State | None:
    """The state file, if the agent has made one and this user may use it: a check that must keep something says so.

    None is made here: one of root's, or a folder of root's, would keep the agent's own user out.
    """
    path = configuration.agent.data_dir / "state.db"
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises where one may not look
        return None
    try:
        return State(path, configuration.agent.site)
    except StateError:
        return None
