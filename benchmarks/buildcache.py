"""BuildKit's cache of what a bench built, found by its marks and removed; all else stays.

A bench never prunes: its builds are cold because they bear a mark that no other build has. So the
cache of whoever uses this engine stays as it was, and what caches hold of downloads serves all.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from factory import process
from factory.errors import ConfigError
from factory.model import TEMPLATES

BASE, _STAGE = "base.Dockerfile.j2", "drop-in"
_FIELD = re.compile(r"^(ID|Parent|Created at|Type):\t+(.*)$", re.MULTILINE)
_PATIENCE_SECONDS = 300.0
_PAUSE_SECONDS = 2.0
_AT_ONCE = 100
_OWN = {"BUILDX_BUILDER": ""}
"""The engine's own builder, whichever one the user chose."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One entry of the cache: a layer (``regular``), a folder sent to a build (``source.local``), a
    cache mount, and others."""

    id: str
    kind: str
    description: str
    created: datetime
    parents: tuple[str, ...] = ()


def read(usage: str) -> list[Record]:
    """The entries in what ``docker buildx du --verbose`` prints; pure."""
    return [_record(entry) for entry in re.split(r"^(?=ID:\t)", usage, flags=re.MULTILINE)[1:]]


def _record(entry: str) -> Record:
    found = dict(_FIELD.findall(entry))
    parents = filter(None, re.split(r"[,\s]+", found.get("Parent", "")))
    return Record(
        id=found["ID"],
        kind=found["Type"],
        description=entry,
        created=datetime.fromisoformat(found["Created at"][:19]).replace(tzinfo=UTC),
        parents=tuple(parents),
    )


def left_by(records: Iterable[Record], marks: Iterable[str], since: datetime) -> tuple[str, ...]:
    """The ids of what builds with these marks left, children before parents; pure.

    Layers that bear a mark, all that stands on them, and all that they stand on, which is the file
    system with the mark in it. Folders that were sent to any build since then go too: they bear no
    mark, and save nothing but copying them once more. Cache mounts stay.
    """
    known = {record.id: record for record in records}
    marks = tuple(marks)
    layers = [one for one in known.values() if one.kind == "regular"]
    bearing = [one for one in layers if any(mark in one.description for mark in marks)]
    ours = {one.id for mark in bearing for one in _with_ancestors(mark, known)}
    while more := {one.id for one in layers if ours & set(one.parents)} - ours:
        ours |= more
    depth = {one: len(list(_with_ancestors(known[one], known))) for one in ours}
    sent = (it.id for it in known.values() if it.kind == "source.local" and it.created >= since)
    return (*sorted(ours, key=lambda one: (-depth[one], one)), *sent)


def _with_ancestors(record: Record, known: Mapping[str, Record]) -> Iterator[Record]:
    yield record
    for parent in record.parents:
        if parent in known:
            yield from _with_ancestors(known[parent], known)


def remove(marks: Iterable[str], since: datetime) -> int:
    """Remove it from the engine, and say how many entries stay because something still uses them.
    The images must be gone before.
    """
    marks, deadline = tuple(marks), time.monotonic() + _PATIENCE_SECONDS
    while ids := left_by(_records(), marks, since):
        if time.monotonic() > deadline:
            break
        for at in range(0, len(ids), _AT_ONCE):
            # What it is given for an id is a regular expression: one call, and one look through
            # the whole cache, for many.
            any_of = "|".join(ids[at : at + _AT_ONCE])
            argv = ["docker", "buildx", "prune", "--force", "--filter", f'id="^({any_of})$"']
            process.run(argv, env=_OWN, check=False, shielded=True)
        time.sleep(
            _PAUSE_SECONDS
        )  # an image that is removed holds its layers for some seconds more
    return len(ids)


def left(marks: Iterable[str]) -> int:
    """How many layers of builds with these marks the cache has."""
    return len(left_by(_records(), marks, datetime.max.replace(tzinfo=UTC)))


def marked(template: str, mark: str) -> str:
    """A base's template, whose first stage has the mark in its name: by that BuildKit's cache is
    told from all else. Nothing is in the image for it.

    Raises:
        ConfigError: there is no such stage, so that the cache of it could not be removed.
    """
    if f" AS {_STAGE}\n" not in template:
        raise ConfigError(
            f"a bench needs the stage {_STAGE!r}, by which it finds what it has to remove",
            where=f"{TEMPLATES}/{BASE}",
            todo="name the stage of the base so",
        )
    return re.sub(rf"\b(AS|FROM) {_STAGE}\b", rf"\1 {_STAGE}-{mark}", template)


def _records() -> list[Record]:
    argv = ["docker", "buildx", "du", "--verbose"]
    return read(process.run(argv, env=_OWN, check=False, shielded=True).stdout)
