"""Whether nodes, groups of nodes and imaging as a whole can take traffic: from memory, without a word on the network.

Fails closed: what has given no verdict yet, or none for 3 intervals and a timeout, is not healthy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import NamedTuple

from pacs_monitor.configuring.references import labels_of
from pacs_monitor.confirm import Confirmation
from pacs_monitor.context import Context
from pacs_monitor.results import Record, Results
from pacs_monitor.settings import Configuration

AGENT, DRAINED = "agent", "drained"


class Verdict(NamedTuple):
    """Whether it is healthy, and why not."""

    healthy: bool
    word: str = ""
    """`agent` if the agent itself is cut off, `drained` if the node was taken out; names nothing of the site."""
    sentences: tuple[str, ...] = ()
    """What stands in the way, for those who may know."""
    records: tuple[Record, ...] = ()
    """The checks that were looked at."""


class Health:
    """Verdicts for load balancers. Follows the configuration that the context follows."""

    def __init__(
        self, results: Results, confirmation: Confirmation, context: Context, wall: Callable[[], float] = time.time
    ) -> None:
        self._results = results
        self._confirmation = confirmation
        self._context = context
        self._wall = wall
        self._configuration: Configuration | None = None
        self._records: dict[str, list[Record]] = {}
        self._affecting: dict[str, tuple[Record, ...]] = {}
        self._members: dict[tuple[str, str], list[str]] = {}
        context.listeners.append(self.configure)

    def configure(self, configuration: Configuration) -> None:
        """Follow a configuration."""
        self._configuration = configuration
        self._records = {}
        for record in self._results:
            self._records.setdefault(record.key[0], []).append(record)
        self._affecting = {
            name: tuple(record for record in records if record.configured.check.affects_health)
            for name, records in self._records.items()
        }
        self._members = {}
        for node in configuration.nodes.values():
            for pair in labels_of(node, configuration.agent.site).items():
                self._members.setdefault(pair, []).append(node.name)

    def node(self, name: str, checks: Collection[str] = ()) -> Verdict:
        """Of one node; of these `checks` of it alone if given. Raises LookupError for an unknown node or check."""
        if self._configuration is None or name not in self._configuration.nodes:
            raise LookupError("there is no such node")
        known = {record.configured.name for record in self._records.get(name, ())}
        if not known.issuperset(checks):
            raise LookupError("the node has no such check")
        return self._closed() or self._node(name, checks)

    def label(self, key: str, value: str, checks: Collection[str] = ()) -> Verdict:
        """Whether at least `min_healthy` (1) of the nodes with this label are healthy. Raises LookupError.

        With `checks`, a node that lacks one of them is not healthy.
        """
        names = self._members.get((key, value))
        if not names or self._configuration is None:
            raise LookupError("there is no node with this label")
        if checks:
            known = {record.configured.name for name in names for record in self._records.get(name, ())}
            if not known.issuperset(checks):
                raise LookupError("no node with this label has such a check")
        return self._closed() or self._at_least(
            self._configuration.agent.health.min_healthy.get(f"{key}={value}", 1), names, checks
        )

    def imaging(self) -> Verdict:
        """Of imaging as a whole: all nodes that `health.require` asks for, and checks of no node that affect health."""
        closed = self._closed()
        if closed or self._configuration is None:
            return closed or Verdict(False, sentences=("no configuration is loaded yet",))
        names: dict[str, None] = {}
        sentences = []
        for requirement in self._configuration.agent.health.require:
            key, _, value = requirement.partition("=")
            members = self._members.get((key, value), ())
            names.update(dict.fromkeys(members))
            if not members:
                sentences.append(f"no node has {requirement}; label a node so, or change health.require")
        verdicts = [self._node(name, ()) for name in names]
        verdicts.append(self._checks(self._affecting.get("", ())))
        return _all(verdicts, sentences)

    def explain(self, record: Record) -> str:
        """Why the check does not count as healthy, as a sentence; "" if it does."""
        confirmed = self._confirmation.states.get(record.key)
        if confirmed is None or confirmed.healthy is None:
            return "has given no verdict yet; wait for its first run"
        if self._confirmation.is_stale(record, self._wall()):
            return "has given nothing for 3 intervals and its timeout; see /-/ready"
        if not confirmed.healthy:
            return record.message or "is confirmed down"
        return ""

    def _closed(self) -> Verdict | None:
        if self._context.cut_off:
            sentence = "all nodes of self_check fail, so the agent itself is cut off; look at its network first"
            return Verdict(False, AGENT, (sentence,))
        return None

    def _node(self, name: str, checks: Collection[str]) -> Verdict:
        records = self._affecting.get(name, ())
        if checks:
            records = tuple(record for record in self._records.get(name, ()) if record.configured.name in checks)
        if self._context.is_drained(name):
            return Verdict(False, DRAINED, (f"{name} is drained; take it back in with undrain",), records)
        missing = set(checks) - {record.configured.name for record in records} if checks else ()
        if missing:
            return Verdict(False, sentences=(f"{name}: has no check {' or '.join(sorted(missing))}",))
        if not records:
            sentence = "nothing about this node affects health; give it c_echo, or a check with affects_health: true"
            return Verdict(False, sentences=(f"{name}: {sentence}",))
        return self._checks(records)

    def _checks(self, records: tuple[Record, ...]) -> Verdict:
        sentences: tuple[str, ...] = ()
        for record in records:
            sentence = self.explain(record)
            if sentence:
                sentences += (f"{'/'.join(filter(None, record.key))}: {sentence}",)
        return Verdict(not sentences, "", sentences, records)

    def _at_least(self, least: int, names: list[str], checks: Collection[str]) -> Verdict:
        verdicts = [self._node(name, checks) for name in names]
        count = sum(verdict.healthy for verdict in verdicts)
        together = _all(verdicts, [f"{count} of {len(names)} nodes are healthy, and {least} must be"])
        if count >= least:
            return Verdict(True, records=together.records)
        all_drained = all(verdict.word == DRAINED for verdict in verdicts)
        return Verdict(False, DRAINED if all_drained else "", together.sentences, together.records)


def _all(verdicts: list[Verdict], sentences: list[str]) -> Verdict:
    ill = [verdict for verdict in verdicts if not verdict.healthy]
    told = (*sentences, *(sentence for verdict in ill for sentence in verdict.sentences))
    word = DRAINED if ill and not sentences and all(verdict.word == DRAINED for verdict in ill) else ""
    records = tuple(record for verdict in verdicts for record in verdict.records)
    return Verdict(not told and not ill, word, told, records)
