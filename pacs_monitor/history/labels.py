"""The labels of a series, with what expressions derive from them again and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

NAME = "__name__"
Pair = tuple[str, str]
_MOST_DERIVED = 64


class Labels:
    """Label names and values, sorted by name; never changed. An empty value is no label.

    What is derived from a series' labels is kept with them: the same rule asks for it at each evaluation.
    """

    __slots__ = ("_derived", "_hash", "_map", "name_goes", "pairs")

    def __init__(self, pairs: tuple[Pair, ...], name_goes: bool = False) -> None:
        """`pairs` must be sorted and without empty values: see `labels_of`."""
        self.pairs = pairs
        self.name_goes = name_goes
        """Whether an operation has taken the name away, and it is only to go at the end of the whole expression."""
        self._map: dict[str, str] | None = None
        self._hash = hash(pairs)
        self._derived: dict[object, object] | None = None

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Labels) and self._hash == other._hash and self.pairs == other.pairs

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        """As an expression would select it: `name{label="value"}`."""
        inner = ", ".join(f'{name}="{_escape(value)}"' for name, value in self.pairs if name != NAME)
        return f"{self.name}{{{inner}}}"

    def as_dict(self) -> Mapping[str, str]:
        """Values by name; not to be changed."""
        found = self._map
        if found is None:
            found = self._map = dict(self.pairs)
        return found

    def get(self, name: str) -> str:
        """The value, "" if there is none."""
        return self.as_dict().get(name, "")

    @property
    def name(self) -> str:
        """The metric's name, "" if there is none."""
        return self.get(NAME)

    def without_name(self) -> Labels:
        """All but the metric's name."""
        return self.but((NAME,))

    def with_name_to_go(self) -> Labels:
        """The same, marked so that the name goes at the end of the expression."""
        found = self._derived.get(NAME) if self._derived else None
        if found is None:
            found = self if self.name_goes else Labels(self.pairs, name_goes=True)
            self._remember(NAME, found)
        assert isinstance(found, Labels)
        return found

    def only(self, names: tuple[str, ...]) -> Labels:
        """These labels and no others."""
        key = (True, names)
        found = self._derived.get(key) if self._derived else None
        if found is None:
            found = Labels(tuple(pair for pair in self.pairs if pair[0] in names))
            self._remember(key, found)
        assert isinstance(found, Labels)
        return found

    def but(self, names: tuple[str, ...]) -> Labels:
        """All labels but these."""
        key = (False, names)
        found = self._derived.get(key) if self._derived else None
        if found is None:
            left = tuple(pair for pair in self.pairs if pair[0] not in names)
            found = self if len(left) == len(self.pairs) and not self.name_goes else Labels(left)
            self._remember(key, found)
        assert isinstance(found, Labels)
        return found

    def changed(self, changes: Mapping[str, str]) -> Labels:
        """With these values; "" takes a label away."""
        return labels_of({**self.as_dict(), **changes})

    def _remember(self, key: object, value: object) -> None:
        # Rules ask for few; a person's queries could go on for ever.
        if self._derived is None or len(self._derived) >= _MOST_DERIVED:
            self._derived = {}
        self._derived[key] = value


def labels_of(pairs: Mapping[str, str] | Iterable[Pair]) -> Labels:
    """Labels in any order; those with an empty value are left out."""
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return Labels(tuple(sorted((name, value) for name, value in items if value)))


EMPTY = Labels(())


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
