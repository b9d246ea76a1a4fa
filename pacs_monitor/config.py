"""Reads a configuration: one file, the nodes it takes from others, secrets and checks. All complaints at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pacs_monitor.alerting.definitions import RuleGroup
from pacs_monitor.alerting.loading import load_rules
from pacs_monitor.alerting.target import Target
from pacs_monitor.configuring import yamltree
from pacs_monitor.configuring.complaints import right_part, validate
from pacs_monitor.configuring.configure import Configurator
from pacs_monitor.configuring.datadir import check_data_dir, faults_of_files
from pacs_monitor.configuring.fields import nearest, settings_of, suggestion
from pacs_monitor.configuring.filling import fill, resolve
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.later import check_later_sections
from pacs_monitor.configuring.listening import check_listeners
from pacs_monitor.configuring.matching import check_matching
from pacs_monitor.configuring.nodes import Described, NodeReader
from pacs_monitor.configuring.nodes_from import Others
from pacs_monitor.configuring.profiles import CheckLists, read_profiles
from pacs_monitor.configuring.references import check_references, check_time_zone, plans_in
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, Value, below, is_null
from pacs_monitor.configuring.trial import try_web
from pacs_monitor.content import content_dir
from pacs_monitor.discovery import lists_of
from pacs_monitor.loader import CheckKind, load_folders
from pacs_monitor.people.loading import load_people
from pacs_monitor.routing.definitions import Routing
from pacs_monitor.routing.loading import load_routes
from pacs_monitor.settings import AgentSettings, Complaint, ConfigError, Configuration, ConfiguredCheck, Key

_LISTS = ("profiles", "nodes", "nodes_from", "checks")
_NO_CONFIGURATION = "check the name, run pacs-monitor init to write one, or give --config"
TOP_LEVEL = (*settings_of(AgentSettings), *_LISTS)


def load(
    path: Path,
    kinds: Mapping[str, CheckKind] | None = None,
    *,
    data_dir: bool = False,
    make_data_dir: bool = True,
    despite_broken: bool = False,
    target: Target | None = None,
) -> Configuration:
    """The configuration that a file and what it names hold.

    `kinds` are the kinds to use beside those of `check_dirs`; the built-in ones unless given. With `data_dir` the
    data directory and what the web server needs are tried as well; the former is made unless `make_data_dir` forbids
    it. With `despite_broken` a check file that is broken is no complaint: its checks are left out, and
    `Configuration.broken` says so. `target` is a version of Prometheus that must take all rules, too. Raises
    ConfigError with all complaints, each at its file and line.
    """
    findings = Findings()
    findings.read(path)
    document = yamltree.read(path, missing=_NO_CONFIGURATION)
    findings.extend(document.complaints)
    findings.hidden.update(document.hidden)
    root = document.root
    if not isinstance(root, Map):
        if not document.complaints:
            findings.complain(root, "is not a mapping; write `setting: value` lines, or run pacs-monitor init")
        raise ConfigError(findings.complaints)
    loading = _Loading(path, root, findings, target)
    configuration = loading.load(kinds, despite_broken)
    if data_dir:
        loading.try_to_start(make=make_data_dir)
    if findings.complaints:
        raise ConfigError(findings.complaints, findings.warnings)
    return replace(configuration, warnings=tuple(findings.warnings))


class _Loading:
    def __init__(self, path: Path, root: Map, findings: Findings, target: Target | None) -> None:
        self._path = path
        self._root = root
        self._findings = findings
        self._target = target
        self._agent = self._agent_settings()

    def try_to_start(self, *, make: bool) -> None:
        try_web(self._root, self._findings)
        path = self._agent.data_dir
        fault = check_data_dir(path, make=make)
        if faults := [fault] if fault else list(faults_of_files(path)):
            self._findings.complain(below(self._root, "data_dir"), "; ".join(faults))

    def load(self, given: Mapping[str, CheckKind] | None, despite_broken: bool) -> Configuration:
        agent = self._agent
        self._complain_of_unknown()
        kinds, faults = self._kinds(given)
        if not despite_broken:
            self._findings.extend(faults)
        broken = {Path(fault.file).stem for fault in faults} - set(kinds)
        lists = CheckLists(kinds, broken, self._findings)
        profiles = read_profiles(self._root.get("profiles"), self._findings)
        others = Others(self._findings, lists_of(agent.data_dir))
        reader = NodeReader(profiles, agent.ae_title, _label_owners(kinds), others, self._findings)
        described = reader.read(self._root.get("nodes"), self._root.get("nodes_from"))
        check_time_zone(agent.time_zone, self._root, self._findings)
        check_listeners(self._root, self._findings)
        check_references(described, reader.shared, reader.places, self._root, self._findings)
        check_matching(agent.site, described, reader.places, self._root, self._findings)
        check_later_sections(self._root, self._findings)
        rules = load_rules(agent.alerting, self._root, self._findings, self._target)
        routing = self._routing(rules)
        configurator = Configurator(agent, kinds, profiles, lists, plans_in(self._root), self._findings)
        configurator.check_shared(reader.shared)
        checks = self._checks(configurator, described)
        return Configuration(
            path=self._path,
            agent=agent,
            nodes={found.node.name: found.node for found in described},
            checks=checks,
            files=tuple(path.absolute() for path in self._findings.files),
            trees={key: entry.value for key, entry in self._root.entries.items()},
            kinds=kinds,
            rules=tuple(rules),
            routing=routing,
            broken=tuple(faults),
            servers=tuple(others.servers),
        )

    def _routing(self, rules: Iterable[RuleGroup]) -> Routing | None:
        told = load_people(self._agent, self._root, self._findings, rules)
        routing = self._with_templates(load_routes(self._root, self._findings))
        return replace(routing, time_zone=self._agent.time_zone) if routing else told

    def _with_templates(self, routing: Routing | None) -> Routing | None:
        alerting = self._agent.alerting
        if not (alerting.receivers or alerting.templates):
            return routing
        from pacs_monitor.notify.attach import attach  # what renders templates takes long to import

        return attach(routing, alerting, self._root, self._findings)

    def _complain_of_unknown(self) -> None:
        for key, entry in self._root.entries.items():
            if key not in TOP_LEVEL:
                message = f"there is no such setting; {suggestion(key, TOP_LEVEL)}"
                self._findings.complain(below(self._root, key), message)
                self._note_unread(entry.value, nearest(key, TOP_LEVEL))

    def _note_unread(self, value: Value, meant: str) -> None:
        """Other parts may name what stands in a section that is misspelt, or in the files that it names."""
        unread = self._findings.unread
        unread.add(value, nodes=meant == "nodes" or (not meant and not isinstance(value, Scalar)))
        if meant == "nodes_from":
            unread.add_file_of_nodes()
        unread.folders_of_checks |= meant == "check_dirs"

    def _agent_settings(self) -> AgentSettings:
        known = {key: self._root.entries[key] for key in settings_of(AgentSettings) if key in self._root.entries}
        data = fill(AgentSettings, Map(self._root.file, self._root.line, "", known), self._findings)
        agent = validate(AgentSettings, data, self._root, self._findings)
        # What is right is kept, so that a wrong setting leads to no complaints about others.
        return agent or right_part(AgentSettings, data)[0]

    def _kinds(self, given: Mapping[str, CheckKind] | None) -> tuple[dict[str, CheckKind], list[Complaint]]:
        folders = self._check_dirs()
        if given is None:
            folders.insert(0, content_dir("checks"))
        found, complaints = load_folders(folders)
        for folder in folders:
            self._findings.read(folder)
        for complaint in complaints:
            self._findings.read(Path(complaint.file))
        return {**(given or {}), **found}, complaints

    def _check_dirs(self) -> list[Path]:
        value = self._root.get("check_dirs")
        folders = []
        for item in value.items if isinstance(value, Items) else [value]:
            if isinstance(item, Scalar) and item.text and isinstance(value, Items):
                folder = resolve(item)
                fault = _fault_of_folder(folder)
                if not fault:
                    folders.append(folder)
                    continue
                self._findings.complain(item, fault)
            self._findings.unread.folders_of_checks |= not is_null(item)
        return folders

    def _checks(self, configurator: Configurator, described: Iterable[Described]) -> dict[Key, ConfiguredCheck]:
        checks: dict[Key, ConfiguredCheck] = {}
        for found in described:
            checks.update((check.key, check) for check in configurator.of_node(found))
        checks.update((check.key, check) for check in configurator.without_node(self._root.get("checks")))
        if not checks and not self._findings.complaints:
            message = "nothing is checked; give a node or `checks` a check"
            self._findings.warn(Place(self._root.file, self._root.line, ""), message)
        for source in dict.fromkeys(check.source for check in checks.values()):
            self._findings.read(source)
        return checks


def _fault_of_folder(folder: Path) -> str:
    if not folder.is_dir():
        return f"there is no folder {folder}; make it, or check the name"
    if not os.access(folder, os.R_OK | os.X_OK):
        return f"{folder} cannot be read; let the user that runs pacs-monitor read it"
    return ""


def _label_owners(kinds: Mapping[str, CheckKind]) -> dict[str, str]:
    owners: dict[str, str] = {}
    for kind in kinds.values():
        for metric in kind.metrics:
            for label in metric.labelnames:
                owners.setdefault(label, kind.kind)
    return owners
