"""Values that a template can do anything with but one thing: give their characters to the text.

Rendered with them, a template takes the same way as with the values themselves, since they compare,
count, split and iterate alike. What it puts into the text of them is one letter, so the text shows
which structure the template gives a Dockerfile by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, SupportsIndex

NEUTRAL = "x"
"""What stands in the text for any string that is not empty."""


def inert(value: object) -> Any:
    """A value that is neutral in a text and otherwise what it was.

    What it consists of, and what its attributes and methods give, is inert too. Numbers, truth
    values and ``None`` stay as they are: they have no characters to choose.
    """
    if isinstance(value, str):
        return value if isinstance(value, Inert) else Inert(value)
    if value is None or isinstance(value, bool | int | float | _Shell):
        return value
    if isinstance(value, Mapping):
        return {inert(key): inert(one) for key, one in value.items()}
    for kind in (tuple, list, frozenset, set):
        if isinstance(value, kind):
            return kind(map(inert, value))
    if isinstance(value, bytes):
        return NEUTRAL.encode() if value else value
    if isinstance(value, Iterator):
        return map(inert, value)
    return _inert_call(value) if callable(value) else _Shell(value)


def plain(value: object) -> Any:
    """The value that an inert one was made of."""
    if isinstance(value, Inert | _Shell):
        return _original(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(one) for key, one in value.items()}
    for kind in (tuple, list):
        if isinstance(value, kind):
            return kind(map(plain, value))
    return value


class Inert(str):
    """A string whose characters are neutral, and whose answers are those of its original.

    What an interpreter reads without asking (``"".join``, ``in`` a string that is none of these)
    are the neutral ones.
    """

    __slots__ = ("_of",)
    _of: str

    def __new__(cls, of: str, text: str | None = None) -> Inert:
        """Of an original, and of a text if some of it is the template's own."""
        made = super().__new__(cls, (NEUTRAL if of else "") if text is None else text)
        made._of = of
        return made

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_"):
            return super().__getattribute__(name)
        return inert(getattr(_original(self), name))

    def __str__(self) -> str:
        return self

    def __hash__(self) -> int:
        return hash(_original(self))

    def __eq__(self, other: object) -> bool:
        return bool(_original(self) == plain(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: str) -> bool:
        return bool(_original(self) < plain(other))

    def __le__(self, other: str) -> bool:
        return bool(_original(self) <= plain(other))

    def __gt__(self, other: str) -> bool:
        return bool(_original(self) > plain(other))

    def __ge__(self, other: str) -> bool:
        return bool(_original(self) >= plain(other))

    def __len__(self) -> int:
        return len(_original(self))

    def __contains__(self, part: object) -> bool:
        return plain(part) in _original(self)

    def __iter__(self) -> Iterator[str]:
        return map(Inert, _original(self))

    def __getitem__(self, at: SupportsIndex | slice) -> str:
        return Inert(_original(self)[at])

    def __add__(self, other: str) -> str:
        return Inert(_original(self) + plain(other), "".join((self, other)))

    def __radd__(self, other: str) -> str:
        return Inert(plain(other) + _original(self), "".join((other, self)))


class _Shell:
    """Any other object: its attributes are inert, and its text is neutral."""

    __slots__ = ("_of",)

    def __init__(self, of: object) -> None:
        self._of = of

    def __getattr__(self, name: str) -> Any:
        return inert(getattr(self._of, str.__str__(plain(name))))

    def __str__(self) -> str:
        return Inert(str(self._of))

    def __hash__(self) -> int:
        return hash(self._of)

    def __eq__(self, other: object) -> bool:
        return bool(self._of == plain(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self._of < plain(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self._of > plain(other))

    def __bool__(self) -> bool:
        return bool(self._of)


def _original(value: Inert | _Shell) -> Any:
    return object.__getattribute__(value, "_of")


def _inert_call(function: Callable[..., object]) -> Callable[..., Any]:
    def call(*given: object, **named: object) -> Any:
        return inert(function(*plain(given), **plain(named)))

    return call
