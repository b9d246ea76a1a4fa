"""Settings of an Alertmanager file, taken out one by one; each complaint names its setting by its path."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pacs_monitor.alerting.told import Part, Told
from pacs_monitor.configuring.textfile import TextFileError, read_text
from pacs_monitor.configuring.tree import Items, Map, Scalar, Value, is_null
from pacs_monitor.routing.definitions import NO_SECRET, Secret

MASK = "<secret>"
"""What Alertmanager shows instead of a secret."""
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_BOOLEANS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_SHAPES: dict[type[Value], str] = {Scalar: "a text", Items: "a list", Map: "a mapping"}
_VARIABLE = re.compile(r"\$\{?[A-Za-z_]", re.ASCII)
_WHOLE_VARIABLE = re.compile(r"\$\{\w+\}|\$[A-Z_][A-Z0-9_]*", re.ASCII)
_LONGEST_SECRET = 64 * 1024


@dataclass
class Reading:
    """What comes together while a file is read."""

    told: Told
    folder: Path
    """Where relative names of files begin."""
    try_files: bool = True
    """Whether files that it names have to be there."""
    files: dict[Path, None] = field(default_factory=dict)
    """All that it names."""
    secrets: dict[str, None] = field(default_factory=dict, repr=False)
    """Texts that nobody may see."""


class Section(Part):
    """A mapping of the file."""

    def __init__(self, value: Map, reading: Reading, known: tuple[str, ...]) -> None:
        """`known` are all settings that there are."""
        self.reading = reading
        super().__init__(value, value.path, reading.told, known)

    def say(self, line: int, message: str, *keys: str) -> None:
        """Complain of what stands in a line; `keys` lead to the setting in the mapping."""
        self.told.complain(line, ".".join(part for part in (self.name, *keys) if part), message)

    def warn(self, key: str, message: str) -> None:
        """Of a setting that is accepted but probably does not what is meant."""
        self.told.warn(self.line(key), ".".join(part for part in (self.name, key) if part), message)

    def section(self, key: str, known: tuple[str, ...]) -> Section | None:
        """A mapping below; None if it is not there, null or none (after a complaint)."""
        value = self.value.get(key)
        if isinstance(value, Map):
            return Section(value, self.reading, known)
        if value is not None and not is_null(value):
            self.complain(key, f"is {_SHAPES[type(value)]}; write its settings below it, or leave it out")
        return None

    def sections(self, key: str, what: str, known: tuple[str, ...]) -> list[Section]:
        """The mappings of a list; `what` says what each is, as in "a route"."""
        return [Section(value, self.reading, known) for value in self.maps(key, what)]

    def texts(self, key: str) -> list[Scalar]:
        """The texts of a list; complains of all else."""
        found = []
        for number, item in enumerate(self.items(key)):
            if isinstance(item, Scalar):
                found.append(Scalar(item.file, item.line, item.path, item.text or ""))
            else:
                self.say(item.line, f"is {_SHAPES[type(item)]}; write one text", f"{key}[{number}]")
        return found

    def boolean(self, key: str) -> bool | None:
        """None if it is not there or no boolean (after a complaint)."""
        value = self.value.get(key)
        if value is None or is_null(value):
            return None
        text = value.text if isinstance(value, Scalar) else None
        if text not in _BOOLEANS:
            self.complain(key, f"is {text or _SHAPES[type(value)]}; write true or false")
        return _BOOLEANS.get(text or "")

    def file(self, key: str) -> Path | None:
        """A file that has to be there, by its whole path; None without one."""
        return self.named_file(self.text(key), self.line(key), key)

    def named_file(self, text: str, line: int, key: str) -> Path | None:
        """The same for a name that stands in a list."""
        if not text:
            return None
        if "\x00" in text:
            self.say(line, "holds a character that no name of a file may have; remove it", key)
            return None
        path = Path(os.path.normpath(self.reading.folder / text)).absolute()
        self.reading.files.setdefault(path)
        if self.reading.try_files:
            if not path.exists():
                self.say(line, f"there is no file {path}; check the name", key)
            elif not path.is_file() or not os.access(path, os.R_OK):
                self.say(line, f"{path} cannot be read; check that it is a file, and its rights", key)
        return path

    def secret(self, key: str, *, any_text: bool = True) -> Secret:
        """What stands in a setting, or in the file that `X_file` names; `any_text` if nothing else will check it."""
        text, named = self.text(key), self.text(f"{key}_file")
        if text == MASK:
            self.complain(key, f"is {MASK}, which Alertmanager shows instead of the secret; write the secret itself")
        elif any_text and _WHOLE_VARIABLE.fullmatch(text):
            self.warn(key, f"is taken as it stands, as these files have no variables; name a file in {key}_file")
        elif text:
            self.reading.secrets.setdefault(text)
        if text and named:
            self.complain(f"{key}_file", f"stands beside {key}; keep one of the two")
            return NO_SECRET
        if not named:
            return Secret(text) if text else NO_SECRET
        path = self.file(f"{key}_file")
        if path is not None and self.reading.try_files and path.is_file() and os.access(path, os.R_OK):
            self._try_secret(key, path)
        return Secret(file=path) if path else NO_SECRET

    def _try_secret(self, key: str, path: Path) -> None:
        try:
            held = read_text(path, _LONGEST_SECRET).strip()
        except TextFileError as error:
            self.complain(f"{key}_file", f"{path}: {error.message}")
            return
        if not held:
            self.complain(f"{key}_file", f"{path} is empty; write the secret into it")
        self.reading.secrets.setdefault(held)

    def label_names(self, key: str) -> list[str]:
        """The texts of a list that can name labels; complains of an empty one."""
        found = self.texts(key)
        for item in found:
            if not item.text:
                self.told.complain(item.line, item.path, "is empty; name a label")
        return [item.text for item in found if item.text]


def variable(text: str) -> str:
    """What is wrong with a text that begins with a variable such as `${NAME}`; "" if it does not."""
    return "a variable, which these files do not have; write the value itself" if _VARIABLE.match(text) else ""


def url_fault(text: str, example: str = "https://chat.north.example/hook") -> str:
    """What is wrong with an address of HTTP, in words that do not hold it; "" if nothing is."""
    remedy = f"write for example {example}"
    if "{{" in text:
        return "holds a Go template, which is not rendered here; write the address itself"
    if any(one.isspace() or not one.isprintable() for one in text):
        return f"holds white space or a control character; {remedy}"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return f"is no address of HTTP; {remedy}"
    if variable(text):
        return f"begins with {variable(text)}"
    if parts.scheme not in ("http", "https"):
        return f"begins with neither http:// nor https://; {remedy}"
    return "" if parts.hostname else f"names no host; {remedy}"
