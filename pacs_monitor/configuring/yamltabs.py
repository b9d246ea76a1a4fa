"""Reads YAML with tabs where others read them: between a text and what surrounds it, never as an indent."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scanner import Scanner

_BREAKS = "\r\n\x85\u2028\u2029"


class _Scanner(Scanner):
    """ruamel.yaml's, which takes a tab outside of quotes, comments and blocks for a mistake."""

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        # Where no key may begin, nothing can be indented.
        while not self.flow_level and not self.allow_simple_key and self.reader.peek() == "\t":
            self.reader.forward()
            super().scan_to_next_token()

    def scan_plain_spaces(self, indent: Any, start_mark: Any) -> Any:
        """What stands between two words of a text without quotes."""
        blanks = self._blanks()
        self.reader.forward(len(blanks))
        if self.reader.peek() not in _BREAKS:
            return [blanks] if blanks else []
        found = super().scan_plain_spaces(indent, start_mark)
        if found is None or self.reader.peek() != "\t" or self.reader.column < indent:
            return found
        blanks = self._blanks()
        self.reader.forward(len(blanks))
        if self.reader.peek() not in _BREAKS:
            return found
        more = self.scan_plain_spaces(indent, start_mark)
        # One break is a space, two are one break.
        return (
            None
            if more is None
            else [*(one for one in found if one != " "), "\n", *(one for one in more if one != " ")]
        )

    def _blanks(self) -> str:
        length = 0
        while self.reader.peek(length) in " \t":
            length += 1
        return str(self.reader.prefix(length))


def parser() -> YAML:
    """What gives the events of a text."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = _Scanner
    return yaml
