"""Go's fmt: what `print` and `printf` make of values, down to its complaints such as `%!d(float64=1)`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pacs_monitor.alerting.gotemplate import floats
from pacs_monitor.alerting.gotemplate.quoting import quote, quote_char
from pacs_monitor.alerting.gotemplate.values import Anything, Data, Sample, Samples, Texts, Time, type_name

_DIRECTIVE = re.compile(r"%([+\-# 0]*)(\*|\d+)?(?:(\.)(\*|\d*))?(.|\Z)", re.DOTALL)
_WIDEST = 1_000_000  # as in Go


@dataclass(slots=True)
class _Spec:
    """Flags, width and precision of one verb."""

    flags: str
    width: int | None
    precision: int | None

    def pad(self, text: str, zeros: bool = False) -> str:
        width = self.width or 0
        if len(text) >= width:
            return text
        if "-" in self.flags:
            return text.ljust(width)
        if "0" in self.flags and zeros:
            sign = text[:1] if text[:1] in ("+", "-", " ") else ""
            return sign + text[len(sign) :].rjust(width - len(sign), "0")
        return text.rjust(width)


_PLAIN = _Spec("", None, None)


def text_of(value: object) -> str:
    """As `%v`."""
    return value if isinstance(value, str) else _value(value, "v", _PLAIN)


def shown(value: object) -> str:
    """As an action prints it: nothing is `<no value>`, and a sample is no pointer to one."""
    if value is None:
        return "<no value>"
    return text_of(value).removeprefix("&") if isinstance(value, Sample) else text_of(value)


def printed(*values: object) -> str:
    """As Sprint: a space between two that are both no text."""
    out = ""
    for place, value in enumerate(values):
        if place and not isinstance(value, str) and not isinstance(values[place - 1], str):
            out += " "
        out += text_of(value)
    return out


def printed_line(*values: object) -> str:
    """As Sprintln."""
    return " ".join(map(text_of, values)) + "\n"


def formatted(template: str, *values: object) -> str:
    """As Sprintf."""
    left = list(values)
    out, last = "", 0
    for match in _DIRECTIVE.finditer(template):
        out += template[last : match.start()] + _directive(match, left)
        last = match.end()
    out += template[last:]
    if left:
        extra = ", ".join("<nil>" if value is None else f"{type_name(value)}={text_of(value)}" for value in left)
        out += f"%!(EXTRA {extra})"
    return out


def _directive(match: re.Match[str], left: list[object]) -> str:
    flags, width_text, point, precision_text, verb = match.groups()
    bad = ""
    width, precision = None, None
    if width_text == "*":
        width, bad = _star(left, "WIDTH")
        if width is not None and width < 0:
            flags, width = flags + "-", -width
    elif width_text:
        width, bad = (int(width_text), "") if int(width_text) <= _WIDEST else (None, "%!(BADWIDTH)")
    if point:
        if precision_text == "*":
            precision, more = _star(left, "PREC")
            bad += more
            if precision is not None and precision < 0:
                precision, bad = None, bad + "%!(BADPREC)"
        else:
            precision = int(precision_text or 0)
    if "-" in flags:
        flags = flags.replace("0", "")
    if not verb:
        return f"{bad}%!(NOVERB)"
    if verb == "%":
        return f"{bad}%"
    if verb == "v":
        flags = flags.replace("+", "")  # it asks for the names of a struct's fields, and for no sign
    if not left:
        return f"{bad}%!{verb}(MISSING)"
    return bad + _value(left.pop(0), verb, _Spec(flags, width, precision))


def _star(left: list[object], name: str) -> tuple[int | None, str]:
    value = left.pop(0) if left else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _WIDEST:
        return value, ""
    return None, f"%!(BAD{name})"


def _value(value: object, verb: str, spec: _Spec) -> str:
    if value is None:
        return spec.pad("<nil>", zeros=True) if verb in "vT" else f"%!{verb}(<nil>)"
    if verb == "T":
        return _text(type_name(value), "s", spec)
    if isinstance(value, bool):
        return spec.pad("true" if value else "false", zeros=True) if verb in "tv" else _bad(value, verb, spec)
    if isinstance(value, int):
        return _int(value, verb, spec)
    if isinstance(value, float):
        return _float(value, verb, spec)
    if isinstance(value, str):
        return _text(value, verb, spec)
    return _compound(value, verb, spec)


def _bad(value: object, verb: str, spec: _Spec) -> str:
    return f"%!{verb}({type_name(value)}={_value(value, 'v', spec)})"


def _int(value: int, verb: str, spec: _Spec) -> str:
    bases = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
    if verb in bases:
        digits = f"{abs(value):{bases[verb]}}".rjust(spec.precision or 0, "0")
        prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb, "") if "#" in spec.flags else ""
        prefix = "" if verb == "o" and digits[0] == "0" else prefix
        prefix = "0o" if verb == "O" else prefix
        sign = "-" if value < 0 else "+" if "+" in spec.flags else " " if " " in spec.flags else ""
        return spec.pad(sign + prefix + digits, zeros=spec.precision is None)
    if verb in "cqU":
        char = chr(value) if 0 <= value < 0x110000 and not 0xD800 <= value < 0xE000 else "�"
        quoted = quote_char(char, ascii_only="+" in spec.flags)
        return spec.pad({"c": char, "q": quoted, "U": f"U+{value:04X}"}[verb], zeros=verb != "U")
    return _bad(value, verb, spec)


def _float(value: float, verb: str, spec: _Spec) -> str:
    if verb in "veEfFgG":
        text = floats.formatted(value, "g" if verb == "v" else verb, spec.precision)
    elif verb in "xX":
        text = floats.hexadecimal(value)
        text = text.upper() if verb == "X" else text
    elif verb == "b":
        text = floats.binary(value)
    else:
        return _bad(value, verb, spec)
    if "+" in spec.flags and text[0] not in "+-":
        text = f"+{text}"
    elif " " in spec.flags and (text[0] not in "+-" or text == "+Inf"):
        text = f" {text.lstrip('+')}"
    return spec.pad(text, zeros=not floats.special(value))


def _text(value: str, verb: str, spec: _Spec) -> str:
    cut = value if spec.precision is None else value[: spec.precision]
    if verb in "vs":
        return spec.pad(cut, zeros=True)
    if verb == "q":
        return spec.pad(_quoted(cut, spec), zeros=True)
    if verb in "xX":
        coded = value.encode()[: spec.precision]
        digits = coded.hex(" ") if " " in spec.flags else coded.hex()
        digits = f"0x{digits}" if "#" in spec.flags and digits else digits
        return spec.pad(digits.upper() if verb == "X" else digits, zeros=True)
    return _bad(value, verb, spec)


def _quoted(text: str, spec: _Spec) -> str:
    if (
        "#" in spec.flags
        and "`" not in text
        and all(char == "\t" or (char.isprintable() or char == " ") for char in text)
    ):
        return f"`{text}`"
    return quote(text, ascii_only="+" in spec.flags)


def _compound(value: object, verb: str, spec: _Spec) -> str:
    if isinstance(value, Texts | Anything):
        inner = " ".join(f"{_value(key, verb, spec)}:{_value(value[key], verb, spec)}" for key in sorted(value))
        return f"map[{inner}]"
    if isinstance(value, Samples):
        return f"[{' '.join(_compound(one, verb, spec) for one in value)}]"
    if isinstance(value, Sample):
        return f"&{{{_value(value.labels, verb, spec)} {_value(value.value, verb, spec)}}}"
    if isinstance(value, Time):
        return _text(str(value), verb, spec)
    assert isinstance(value, Data)
    parts = (value.labels, value.external_labels, value.external_url, value.value)
    return f"{{{' '.join(_value(part, verb, spec) for part in parts)}}}"
