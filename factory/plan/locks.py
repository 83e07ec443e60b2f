"""Which lock each step of a build installs from, and that these locks are for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from factory.errors import ConfigError
from factory.model import LOCK_AGAIN, Asked, Build, Cell, Project, asked_by, lock_path, locks_folder

Locks = dict[tuple[str, str], str]
"""A step's kind and name to the path of its lock, relative to the context that has it."""


def locks_of(project: Project, build: Build, base_image: str) -> Locks:
    """The locks of a build's steps; what has none is not in it.

    Args:
        base_image: the image that its base is made from, or nothing where that asks for packages.

    Raises:
        ConfigError: a lock was made for other requirements, or for another base; it contradicts
            what it stands on; or there is none for something of that.
    """
    found: Locks = {}
    if not project.locks:
        return found
    unlocked = _unlocked_base(project, build.cell, base_image) if base_image else ""
    listed = lock_path(locks_folder("base", ""), build.cell, project.locks) if base_image else None
    paths = [listed] if listed else []
    for asked in asked_by(project, build):
        path = lock_path(asked.folder, build.cell, project.locks)
        if path is None:
            unlocked = unlocked or f"the {asked.name} of {build.cell.id} has no lock"
            continue
        _check(project, asked, path, unlocked)
        found[asked.kind, asked.name] = path.removeprefix(f"{asked.context}/")
        _agree(project, paths, path)
        paths.append(path)
    return found


def unlocked(project: Project, builds: Iterable[Build]) -> dict[str, list[str]]:
    """What asks for packages without a lock, in a project that has locks: the file that asks, to
    the ids of the builds that get what is newest on their day."""
    found: dict[str, list[str]] = {}
    for build in builds if project.locks else ():
        for asked in asked_by(project, build):
            if lock_path(asked.folder, build.cell, project.locks) is None:
                found.setdefault(asked.where, []).append(build.id)
    return found


def _agree(project: Project, below: Sequence[str], path: str) -> None:
    """A lock may not have another version of something than what it stands on, as after an edit by
    hand or a merge."""
    own = project.locked.get(path, {})
    for other in below:
        theirs = project.locked.get(other, {})
        for name in own.keys() & theirs.keys():
            if own[name] != theirs[name]:
                raise ConfigError(
                    f"{name} is {own[name]} here, and {theirs[name]} in {other}, on which this "
                    "stands",
                    where=path,
                    todo=LOCK_AGAIN,
                )


def _check(project: Project, asked: Asked, path: str, unlocked: str) -> None:
    if project.locks[path] != asked.digest:
        raise ConfigError("this lock was made for other requirements", where=path, todo=LOCK_AGAIN)
    if unlocked:
        raise ConfigError(
            f"this lock stands on packages that none holds: {unlocked}", where=path, todo=LOCK_AGAIN
        )


def _unlocked_base(project: Project, cell: Cell, image: str) -> str:
    """What is missing of what locks have to know of a base image; nothing if it is there."""
    path = lock_path(locks_folder("base", ""), cell, project.locks)
    digest = project.bases.get(image)
    known = path is not None and project.locks[path] == digest
    return (
        "" if known else f"the packages of {image} are not listed as of the digest that is locked"
    )
