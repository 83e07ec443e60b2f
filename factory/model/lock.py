"""Locks: files that say which version of each Python package a step gets, by hash.

They lie in a folder ``locks/`` beside what asks for them: an image's beside its requirements, those
of the factory's own steps beside its templates, one folder a kind.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TypeVar

from factory.errors import ConfigError
from factory.model.cell import Cell

TEMPLATES = "dockerfiles"
"""The folder of templates; builds see it as a context of that name."""

BASES_LOCK = f"{TEMPLATES}/locks/images.json"
"""What the tags of base images stand for: name to digest."""

LOCK_AGAIN = "run `invoke lock`, and commit what it writes"
"""What is to be done where locks do not fit."""

T = TypeVar("T")

_ASKED, _OF = "# asked: ", "# of: "
_STANDARD = ("ray", "python", "device", "rllib")
_HASH = r"    --hash=sha256:[0-9a-f]{64}"
_PIN = r"([a-z0-9]+(?:-[a-z0-9]+)*)={2,3}([a-z0-9.+!]+)"
_ANY_PIN = re.compile(rf"^{_PIN}", re.ASCII | re.MULTILINE)
_PINNED = re.compile(rf"{_PIN}((?: \\\n{_HASH})+)\n", re.ASCII)
_LOCK = re.compile(rf"{_ASKED}([0-9a-f]{{64}})\n(?:#.*\n|{_PINNED.pattern})*", re.ASCII)
_LISTED = re.compile(rf"{_PIN}\n", re.ASCII)
_LIST = re.compile(rf"{_OF}(sha256:[0-9a-f]{{64}})\n(?:#.*\n|{_LISTED.pattern})*", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One package of a lock.

    Attributes:
        version: as indexes write it.
        hashes: of the files that may be installed, ``sha256:…``; of a base image's packages, which
            are not installed any more, there are none.
        exact: that the version is meant without a flavour: ``2.13.0+cpu`` is none of 2.13.0.
    """

    version: str
    hashes: tuple[str, ...] = ()
    exact: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """What a file says.

    Attributes:
        made_for: a digest of what was asked for; of a list of what a base image has, its digest.
        pins: by normalised name, in order.
    """

    made_for: str
    pins: Mapping[str, Pin]

    @property
    def versions(self) -> dict[str, str]:
        """Version by name."""
        return {name: pin.version for name, pin in self.pins.items()}

    def text(self) -> str:
        """As a file."""
        listed = self.made_for.startswith("sha256:")
        head = [f"{_OF if listed else _ASKED}{self.made_for}", "# Made by `invoke lock`."]
        lines = [*head, *(_lines(name, pin) for name, pin in sorted(self.pins.items()))]
        return "\n".join(lines) + "\n"


def made_for(text: str, where: str) -> str:
    """What the text of a lock says that it was made for, once its form is seen to be right.

    Raises:
        ConfigError: it is no lock, has been cut off, or has no hash for something.
    """
    found = _LOCK.fullmatch(text) or _LIST.fullmatch(text)
    if not found:
        raise ConfigError(
            "this is no whole lock: after `# asked: DIGEST`, each package is `name==version` with "
            "its hashes, and nothing else is in it",
            where=f"{where}:{_line_of_mistake(text)}",
            todo="restore it from version control, or remove it and run `invoke lock`",
        )
    return found[1]


def parse_lock(text: str, where: str) -> Lock:
    """A lock by its text.

    Raises:
        ConfigError: as ``made_for``, or something is in it twice.
    """
    header = made_for(text, where)
    form = _LISTED if header.startswith("sha256:") else _PINNED
    pins: dict[str, Pin] = {}
    for found in form.finditer(text):
        name, version = found[1], found[2]
        if name in pins:
            raise ConfigError(f"{name} is in it twice", where=where, todo=LOCK_AGAIN)
        exact = found[0].startswith(f"{name}===")
        hashes = tuple(re.findall(r"--hash=(\S+)", found[0]))
        pins[name] = Pin(version=version, hashes=hashes, exact=exact)
    return Lock(made_for=header, pins=pins)


class Derived(Mapping[str, T]):
    """What comes of each of some texts, worked out when it is asked for: not every command plans.

    Args:
        texts: by name.
        function: of a text.
    """

    def __init__(self, texts: Mapping[str, str], function: Callable[[str], T]) -> None:
        self._texts, self._function = texts, function
        self._known: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._known:
            self._known[name] = self._function(self._texts[name])
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def lock_versions(text: str) -> dict[str, str]:
    """Version by name, of a text that is a whole lock or list."""
    return dict(_ANY_PIN.findall(text))


def lock_content(text: str) -> str:
    """A digest of what is installed by a lock: its name and comments change nothing."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def locks_folder(kind: str, image_folder: str) -> str:
    """Where the locks of a step lie, relative to the project's root."""
    return f"{image_folder}/locks" if kind == "app" else f"{TEMPLATES}/locks/{kind}"


def lock_names(cell: Cell) -> tuple[str, ...]:
    """The names by which a cell's lock may go, the most particular first: its id, then what is left
    of that where axes do not matter: ``2.60.0-py311-rllib``, ``2.60.0-py311``, ``py311``."""
    return (cell.id, *_names(cell.ray, cell.python, cell.device, cell.rllib))


def lock_path(folder: str, cell: Cell, there: Iterable[str] | Mapping[str, object]) -> str | None:
    """The path of a cell's lock, of those that are there; ``None`` if it has none."""
    paths = (f"{folder}/{name}.txt" for name in lock_names(cell))
    return next((path for path in paths if path in there), None)


def axes_of_locks() -> Iterator[tuple[str, ...]]:
    """The sets of axes that a lock may depend on, most axes first; Python always is one."""
    others = [axis for axis in _STANDARD if axis != "python"]
    for size in range(len(others), -1, -1):
        for chosen in combinations(others, size):
            yield tuple(axis for axis in _STANDARD if axis in (*chosen, "python"))


def lock_name(cell: Cell, axes: Sequence[str]) -> str:
    """A cell's lock by some axes."""
    return _name(cell.ray, cell.python, cell.device, cell.rllib, axes)


@lru_cache(maxsize=1024)
def _names(ray: str, python: str, device: str, rllib: bool) -> tuple[str, ...]:
    """Cells that differ in axes of the user's share these, and there may be thousands of such."""
    found = (_name(ray, python, device, rllib, axes) for axes in axes_of_locks())
    return tuple(dict.fromkeys(found))


def _name(ray: str, python: str, device: str, rllib: bool, axes: Sequence[str]) -> str:
    values = {
        "ray": ray,
        "python": f"py{python.replace('.', '')}",
        "device": device,
        "rllib": "rllib" if rllib else "",
    }
    return "-".join(values[axis] for axis in axes if values[axis])


def asked_digest(requirements: Iterable[str]) -> str:
    """What a lock's header says was asked for: a digest of the requirement lines, without comments,
    whatever their order."""
    lines = sorted(line.partition(" #")[0].strip() for line in requirements)
    kept = [line for line in lines if line and not line.startswith("#")]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def _lines(name: str, pin: Pin) -> str:
    what = f"{name}{'===' if pin.exact else '=='}{pin.version}"
    return " \\\n    ".join([what, *(f"--hash={each}" for each in pin.hashes)])


def _line_of_mistake(text: str) -> int:
    """The first line at which a text is neither a lock nor a list any more."""
    listed = text.startswith(_OF)
    whole = re.compile((_LIST if listed else _LOCK).pattern, re.ASCII).match(text)
    return text.count("\n", 0, whole.end()) + 1 if whole else 1
