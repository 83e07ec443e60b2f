"""Where locks are needed, what they hold, and by which names they go. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from factory.lock.question import Versions, versions_of
from factory.model import (
    TEMPLATES,
    Asked,
    Build,
    Cell,
    Lock,
    Project,
    asked_by,
    axes_of_locks,
    lock_name,
    lock_path,
    locks_folder,
)

Key = tuple[str, Cell]
"""A folder of locks and a cell."""

Book = dict[Key, Lock | None]
"""What is locked; ``None`` where nothing is."""

LISTS = locks_folder("base", TEMPLATES)
"""Where the locks of bases lie: of those that are images, lists of what is in them."""

_NAMED_BY = {
    LISTS: {"ray"},
    locks_folder("rllib", TEMPLATES): {"ray", "device"},
    locks_folder("cuda", TEMPLATES): {"device"},
}
"""What the factory's own steps ask for by: always in the name, so that a cell that is added is not
taken for one that is locked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A step of a cell that asks for packages.

    Attributes:
        below: the places whose packages are there before, base first.
    """

    asked: Asked
    cell: Cell
    below: tuple[Key, ...] = ()

    @property
    def key(self) -> Key:
        return self.asked.folder, self.cell

    @property
    def label(self) -> str:
        """What messages call it; no two places are called the same."""
        own = self.asked.kind == "app"
        return f"{self.asked.name}{':' if own else ' of '}{self.cell.id}"


def places_of(project: Project, builds: Iterable[Build]) -> tuple[Place, ...]:
    """The places of some builds, those below first."""
    found: dict[Key, Place] = {}
    for build in builds:
        on_image = not project.matrix.base.substituted
        below: list[Key] = [(LISTS, build.cell)] if on_image else []
        for asked in asked_by(project, build):
            place = Place(asked=asked, cell=build.cell, below=tuple(below))
            found.setdefault(place.key, place)
            below.append(place.key)
    return tuple(sorted(found.values(), key=lambda place: len(place.below)))


def levels_of(places: Iterable[Place]) -> Iterator[list[Place]]:
    """Places of which none stands on another of its level, lowest first."""
    levels: dict[int, list[Place]] = {}
    for place in places:
        levels.setdefault(len(place.below), []).append(place)
    for _, level in sorted(levels.items()):
        yield level


def below_of(place: Place, book: Book) -> Versions | None:
    """What a place finds; ``None`` if what it stands on is not all locked."""
    locks = [book.get(key) for key in place.below]
    held = [lock for lock in locks if lock is not None]
    return versions_of(held) if len(held) == len(locks) else None


def current(keys: Iterable[Key], files: Mapping[str, Lock]) -> Book:
    """What files say of some places."""
    found = {key: lock_path(*key, files) for key in keys}
    return {key: files[path] if path else None for key, path in found.items()}


def named(book: Book) -> dict[str, Lock]:
    """The files of a book, by path: places with equal content share one."""
    folders = dict.fromkeys(folder for folder, _ in book)
    return {
        path: lock
        for folder in folders
        for path, lock in _files(
            folder, {cell: lock for (where, cell), lock in book.items() if where == folder}
        ).items()
    }


def _files(folder: str, contents: Mapping[Cell, Lock | None]) -> dict[str, Lock]:
    """Named by the fewest axes that tell the contents apart; with axes of the user's, by id."""
    for axes in reversed(list(axes_of_locks())):
        fit = _NAMED_BY.get(folder, set()) <= set(axes)
        files = _by_axes(folder, contents, axes) if fit else None
        if files is not None:
            return files
    return {f"{folder}/{cell.id}.txt": lock for cell, lock in contents.items() if lock}


def _by_axes(
    folder: str, contents: Mapping[Cell, Lock | None], axes: Sequence[str]
) -> dict[str, Lock] | None:
    """By these axes, or ``None`` if they do not tell the contents apart."""
    files: dict[str, Lock] = {}
    for cell, lock in contents.items():
        path = f"{folder}/{lock_name(cell, axes)}.txt"
        if lock and files.setdefault(path, lock) != lock:
            return None
    found = {cell: lock_path(folder, cell, files) for cell in contents}
    told = all(contents[cell] == (files[path] if path else None) for cell, path in found.items())
    return files if told else None
