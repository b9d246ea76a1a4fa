"""Volumes of a machine that the agent is not on: is there room, and until when? Asked by an exporter or by SNMP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from pacs_monitor.check import CheckFailed, NodeCheck, PlainText, Sample
from pacs_monitor.exporters import ExporterSettings
from pacs_monitor.folders import Failure, fail_for
from pacs_monitor.node import host_of
from pacs_monitor.snmp import SnmpSettings
from pacs_monitor.volumes import Space, VolumesCheck


class Volume(NodeCheck, VolumesCheck):
    """Ask a server how full its volumes are, by windows_exporter, node_exporter or SNMP."""

    volumes: Annotated[tuple[PlainText, ...], Field(min_length=1, max_length=64)]
    """The volumes, as they are called there: D: or /data."""
    exporter: ExporterSettings | None = None
    """Where windows_exporter or node_exporter gives its metrics; or `snmp`."""
    snmp: SnmpSettings | None = None
    """How to ask the node by SNMP; or `exporter`."""

    needs: ClassVar[tuple[str, ...]] = ("host",)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.exporter is None) == (self.snmp is None):
            raise ValueError("takes one of exporter and snmp; set exporter to an address of metrics, or snmp")
        if "" in self.volumes:
            raise ValueError("volumes names one without a name; write for example D: or /data")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """All volumes, each once."""
        return tuple(dict.fromkeys(self.volumes))

    async def run(self) -> AsyncIterator[Sample]:
        """Yield what is said of every volume and what is foretold, then raise the worst failure with all sentences."""
        spaces: dict[str, Space] = {}
        failures: list[Failure] = []
        failure: CheckFailed | OSError | None = None
        try:
            told = await self._ask()
        except (CheckFailed, OSError) as error:
            failure = error
        else:
            failures = self._judge({_plain(name): space for name, space in told.items()}, spaces)
        for name, space in spaces.items():
            for sample in space.samples(name):
                yield sample
        # What is foretold does not hang on this one answer.
        for sample in await self.foretell(spaces, self.names):
            yield sample
        if failure is not None:
            raise failure
        fail_for(failures)

    def _judge(self, told: Mapping[str, Space | None], spaces: dict[str, Space]) -> list[Failure]:
        """Put what is said of our volumes into `spaces`; what is wrong with them."""
        failures: list[Failure] = []
        for name in self.names:
            space = told.get(_plain(name))
            if space is not None:
                spaces[name] = space
                failures += self.faults(f"{name} of {self.node.name}", space)
            elif _plain(name) in told:
                what = "is too large for what SNMP can say; take windows_exporter or node_exporter"
                failures.append(("mismatch", f"{name} of {self.node.name} {what}"))
            else:
                what = f"has no volume {name} {_others(told)}; attach or mount it, or correct volumes"
                failures.append(("not_found", f"{self.node.name} {what}"))
        return failures

    async def _ask(self) -> Mapping[str, Space | None]:
        seconds = 0.9 * self.time_left
        if self.snmp is not None:
            from pacs_monitor.snmp import storage

            host, self.surroundings.dialled = str(self.node.host), self.snmp.port
            addresses = await self.surroundings.resolver.resolve(host, self.snmp.port, self.surroundings.deadline)
            hosts = [host_of(address) for _, address in addresses]
            return await storage.volumes(self.snmp, hosts, f"{self.node.name} ({host}:{self.snmp.port})", seconds)
        from pacs_monitor import exporters, fetching

        assert self.exporter is not None
        where = f"the exporter of {self.node.name} ({fetching.where_of(self.exporter.url)})"
        headers = {"Accept": "text/plain;version=0.0.4"}
        try:
            async with asyncio.timeout_at(self.surroundings.deadline):
                page = await self.in_thread(fetching.get, self.exporter, seconds, headers=headers)
                return await self.in_thread(exporters.volumes, page, where)
        except CheckFailed as error:
            # A page that is not there is no volume that is not there.
            raise CheckFailed("mismatch" if error.reason == "not_found" else error.reason, error.message) from None
        except TimeoutError:
            raise CheckFailed("timeout", f"{where} did not answer in time; look at its load") from None


def _others(told: Mapping[str, Space | None]) -> str:
    """What is there instead; names that are no letters of drives may say anything, and are only counted."""
    drives = sorted(name.upper() for name in told if len(name) == 2 and name[1] == ":")
    return f"(it has {', '.join(drives)})" if drives else f"(of {len(told)} that it tells of)"


def _plain(name: str) -> str:
    r"""A name to compare: C:\ is c:, /data/ is /data."""
    plain = name.rstrip("\\/") or name
    return plain.lower() if plain[1:2] == ":" else plain
