"""What a reload changes: which checks start anew, what waits for a restart, what it may not touch."""

from __future__ import annotations

from collections.abc import Iterator

from pacs_monitor.settings import Complaint, ConfigError, Configuration, Key


def changes(old: Configuration, new: Configuration) -> list[Key]:
    """The checks to start anew. One that is the same keeps its very object: nobody need look at it again."""
    changed = []
    for key, check in new.checks.items():
        before = old.checks.get(key)
        if before is None or before.fingerprint != check.fingerprint or before.labels != check.labels:
            changed.append(key)
        elif before.node == check.node:
            new.checks[key] = before
    return changed


def refuse_other_identity(old: Configuration, new: Configuration) -> None:
    """Site and data directory say whose states these are: they cannot change beneath them. Raises ConfigError."""
    complaints = [
        Complaint(str(new.path), 0, name, "cannot change while pacs-monitor runs; restart it")
        for name in ("site", "data_dir")
        if getattr(old.agent, name) != getattr(new.agent, name)
    ]
    if complaints:
        raise ConfigError(complaints)


def needs_restart(old: Configuration, new: Configuration) -> Iterator[str]:
    """Changes that are not followed, each in a sentence."""
    secrets = {"bearer_token"} if new.agent.web.bearer_token_file else set()
    for name in ("web", "workers"):
        before, after = (getattr(one.agent, name) for one in (old, new))
        if name == "web":
            before, after = (one.model_dump(exclude=secrets) for one in (before, after))
        if before != after:
            yield f"{new.path}: {name}: the change takes effect when pacs-monitor is restarted"
