"""What could not be read: a name that may stand there is called unknown nowhere else."""

from __future__ import annotations

import re

from pacs_monitor.configuring.tree import Value, texts

_WORD = re.compile(r"[\w.-]+")


class Unread:
    """The words of what could not be read, and whether there are files of which not even those are known."""

    def __init__(self) -> None:
        self.files_of_nodes = False
        self.folders_of_checks = False
        self.nodes = False
        """Whether there may be a node in it."""
        self._words: set[str] = set()

    def add(self, what: str | Value, *, nodes: bool = False) -> None:
        """Note the words of a text or value, and whether it may hold nodes."""
        self.nodes |= nodes
        for text in (what,) if isinstance(what, str) else texts(what):
            for word in _WORD.findall(text):
                self._words.update((word, *word.split(".")))

    def add_file_of_nodes(self) -> None:
        """Note that there are nodes of which nothing is known."""
        self.files_of_nodes = self.nodes = True

    def may_hold(self, name: str) -> bool:
        """Whether a name may be that of something that could not be read."""
        return name in self._words

    def may_hold_node(self, name: str) -> bool:
        """Whether a name may be that of a node, or of a label of one, that could not be read."""
        return self.files_of_nodes or self.may_hold(name)
