"""What differs in the files behind an input: content, presence, whether they may be executed, and
in a lock, which versions."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator

Lookup = Callable[[str], str | None]
"""The text that an input is a digest of, or ``None`` if nobody kept it."""

_FILES = {"file", "executable"}
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)={2,3}([^\s;\\]+)", re.ASCII | re.MULTILINE)


def manifest(things: Iterable[tuple[str, str, str]]) -> str:
    """The text behind the digest of a tree.

    Args:
        things: path, kind (``file``, ``executable``, ``link`` or ``folder``) and digest of each.
    """
    return json.dumps([list(thing) for thing in things], separators=(",", ":"))


def is_lock(path: str) -> bool:
    """Whether a path is that of a lock of Python packages."""
    return path.endswith(".txt") and "locks" in path.split("/")[:-1]


def pins(lock: str) -> str:
    """What of a lock explanations need: a line ``name==version`` for each package, and nothing
    else that somebody may have written there."""
    return "".join(f"{name}=={version}\n" for name, version in _PIN.findall(lock))


def file_changes(new: str, old: str, folder: str, look: Lookup) -> Iterator[str]:
    """A sentence for each thing that differs between two manifests, in the order of their paths;
    what was added or is gone as a whole is told in one.

    Args:
        folder: what paths in them are relative to.
        look: gives the ``pins`` of a lock by its digest.
    """
    after, before = _things(new), _things(old)
    told: tuple[str, ...] = ()
    for path in sorted({*after, *before}):
        now, was = after.get(path), before.get(path)
        if now == was or path.startswith(told):
            continue
        name = posixpath.normpath(f"{folder}/{path}")
        if now and was:
            yield from _changed(name, now, was, look)
        else:
            yield f"{name} {'was added' if now else 'is gone'}"
        if any(one and one[0] == "folder" for one in (now, was)):
            told = (*told, f"{path}/")


def _things(text: str) -> dict[str, tuple[str, str]]:
    return {path: (kind, digest) for path, kind, digest in json.loads(text)}


def _changed(name: str, now: tuple[str, str], was: tuple[str, str], look: Lookup) -> Iterator[str]:
    kinds = {now[0], was[0]}
    if not kinds <= _FILES:
        same = len(kinds) == 1
        yield f"{name} leads elsewhere" if same else f"{name} is now a {_noun(now[0])}"
    elif now[1] == was[1]:
        yield f"{name} may {'now' if now[0] == 'executable' else 'no longer'} be executed"
    else:
        moved = list(_moved(name, look(now[1]), look(was[1]))) if is_lock(name) else []
        yield from moved or [f"{name} changed"]


def _noun(kind: str) -> str:
    return {"link": "symlink", "executable": "file"}.get(kind, kind)


def _moved(name: str, new: str | None, old: str | None) -> Iterator[str]:
    """What a lock pins otherwise, package by package."""
    if new is None or old is None:
        return
    after, before = dict(_PIN.findall(new)), dict(_PIN.findall(old))
    for package in sorted({*after, *before}):
        now, was = after.get(package), before.get(package)
        if now and was and now != was:
            yield f"{package} {was} → {now} in {name}"
        elif now and not was:
            yield f"{package} {now} was added to {name}"
        elif was and not now:
            yield f"{package} is gone from {name}"
