"""Which routes an alert takes, and what the tree looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pacs_monitor.routing.definitions import Route
from pacs_monitor.routing.matching import printed_all

Labels = Mapping[str, str]
_MARGIN = "│\u00a0\u00a0 "
"""With the spaces that amtool draws, which do not break."""


def matching(root: Route, labels: Labels) -> list[Route]:
    """The routes that an alert with these labels is told by, in order; none only if the root itself does not match.

    The first child that matches takes it, further ones only after `continue`; the parent if no child does.
    """
    if not matches(root, labels):
        return []
    found: list[Route] = []
    for child in root.routes:
        below = matching(child, labels)
        found.extend(below)
        if below and not child.goes_on:
            break
    return found or [root]


def matches(route: Route, labels: Labels) -> bool:
    """Whether all matchers of this one route agree; a label that is missing is ""."""
    return all(matcher.matches(labels.get(matcher.name, "")) for matcher in route.matchers)


def group_labels(route: Route, labels: Labels) -> dict[str, str]:
    """Those of an alert's labels that it is grouped by; one that it lacks is left out."""
    if route.group_all:
        return dict(labels)
    return {name: labels[name] for name in route.group_by if name in labels}


def shown_tree(root: Route) -> str:
    """All routes, as `amtool config routes show` draws them."""
    return "\n".join([".", *_drawn([root], lambda route: list(route.routes), _in_full)])


def shown_path(root: Route, labels: Labels) -> str:
    """The routes on the way of an alert, as `amtool config routes test --tree` draws them."""

    def taken(route: Route) -> list[Route]:
        return list(_taken(route.routes, labels))

    def slug(route: Route) -> str:
        return _name(route) if taken(route) else f"{_name(route)}  receiver: {route.receiver}"

    return "\n".join([".", *_drawn([root], taken, slug)])


def _taken(routes: Iterable[Route], labels: Labels) -> Iterable[Route]:
    for route in routes:
        if matches(route, labels):
            yield route
            if not route.goes_on:
                return


def _name(route: Route) -> str:
    return printed_all(route.matchers) if route.matchers else "default-route"


def _in_full(route: Route) -> str:
    goes_on = "  continue: true" if route.goes_on else ""
    return f"{_name(route)}{goes_on}  receiver: {route.receiver}"


def _drawn(routes: list[Route], below: Callable[[Route], list[Route]], slug: Callable[[Route], str]) -> list[str]:
    lines = []
    for route in routes:
        corner, margin = ("└", "    ") if route is routes[-1] else ("├", _MARGIN)
        lines.append(f"{corner}── {slug(route)}")
        lines.extend(f"{margin}{line}" for line in _drawn(below(route), below, slug))
    return lines
