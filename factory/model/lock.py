"""Locks: files that say which version of each Python package a step gets, by hash.

They lie in a folder ``locks/`` beside what asks for them: an image's beside its requirements, those
of the factory's own steps beside its templates, one folder a kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from factory.model.cell import Cell

TEMPLATES = "dockerfiles"
"""The folder of templates; builds see it as a context of that name."""

BASES_LOCK = f"{TEMPLATES}/locks/images.json"
"""What the tags of base images stand for: name to digest."""

_ASKED = "# asked: "
_STANDARD = ("ray", "python", "device", "rllib")


def locks_folder(kind: str, image_folder: str) -> str:
    """Where the locks of a step lie, relative to the project's root."""
    return f"{image_folder}/locks" if kind == "app" else f"{TEMPLATES}/locks/{kind}"


def lock_names(cell: Cell) -> tuple[str, ...]:
    """The names by which a cell's lock may go, the most particular first: its id, then what is left
    of that where axes do not matter: ``2.60.0-py311-rllib``, ``2.60.0-py311``, ``py311``."""
    return tuple(dict.fromkeys([cell.id, *(_name(cell, axes) for axes in axes_of_locks())]))


def axes_of_locks() -> Iterator[tuple[str, ...]]:
    """The sets of axes that a lock may depend on, most axes first; Python always is one."""
    others = [axis for axis in _STANDARD if axis != "python"]
    for size in range(len(others), -1, -1):
        for chosen in combinations(others, size):
            yield tuple(axis for axis in _STANDARD if axis in (*chosen, "python"))


def asked_digest(requirements: Iterable[str]) -> str:
    """What a lock's header says was asked for: a digest of the requirement lines, without comments,
    whatever their order."""
    lines = sorted(line.partition(" #")[0].strip() for line in requirements)
    kept = [line for line in lines if line and not line.startswith("#")]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def lock_header(asked: str) -> str:
    """The line of a lock that says what was asked for."""
    return f"{_ASKED}{asked}"


def asked_of(lines: Sequence[str]) -> str:
    """What a lock says was asked for; empty if it does not say."""
    found = (line.removeprefix(_ASKED).strip() for line in lines if line.startswith(_ASKED))
    return next(found, "")


def _name(cell: Cell, axes: Sequence[str]) -> str:
    values = {
        "ray": cell.ray,
        "python": f"py{cell.python.replace('.', '')}",
        "device": cell.device,
        "rllib": "rllib" if cell.rllib else "",
    }
    return "-".join(values[axis] for axis in axes if values[axis])
