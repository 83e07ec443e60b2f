"""Whose files are that were copied into a node: `docker cp` makes them root's, which the user that
Ray runs as may not even read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from factory import process
from factory.cluster.found import Place
from factory.errors import ClusterError
from factory.process import ProcessFailed

_SECONDS = 300.0
_TARGET = 'test -d "$1" && echo "$1/$2" || readlink -f "$1"'
_OWN = 'xargs -0 chown -h "$(stat -c %u:%g /proc/1)" --'
"""Whom the container runs as has its first process."""


def target(place: Place, source: str, destination: str) -> str:
    """Where in a container a copy of ``source`` will be, asked before it is made, by the rule of
    ``docker cp``: a folder that is there receives it under its own name. A slash at the end means
    that it receives only what is in the source. Empty where it can be nowhere."""
    asked = _as_root(place, _TARGET, destination, _name(source))
    return process.run(asked, timeout=_SECONDS, check=False).stdout.removesuffix("\n")


def hand_over(place: Place, source: str, there: str) -> None:
    """Give what was copied from ``source``, and nothing that was there before, to the user whom
    the container runs as.

    Raises:
        ClusterError: the container has no tools for it.
    """
    names = [] if there.endswith("/") else [there]
    names += [f"{there.rstrip('/')}/{name}" for name in _below(source)]
    argv = _as_root(place, _OWN)
    try:
        process.run(argv, stdin="\0".join(names).encode(errors="surrogateescape"), timeout=_SECONDS)
    except ProcessFailed as failure:
        raise ClusterError(
            "it was copied, and is root's there",
            where=f"{place.node}:{there}",
            todo=f"`docker exec --user root {place.container} chown …` gives it to another user",
            detail=failure.completed.tail,
        ) from failure


def _as_root(place: Place, script: str, *words: str) -> list[str]:
    """In ``/``, from where `docker cp` counts paths."""
    enter = ["docker", "exec", "--interactive", "--user=0", "--workdir=/", place.container]
    return [*enter, "sh", "-c", script, "sh", *words]


def _name(source: str) -> str:
    """What a folder calls it that receives it; empty where it receives what is in it."""
    path = Path(source)
    if source == "." or source.endswith(("/.", f"{os.sep}.")):
        return ""
    return path.resolve().name if path.name in ("", "..") else path.name


def _below(source: str) -> Iterator[str]:
    """What is in a folder. A link is copied as such, unless it ends with a slash."""
    path = Path(source)
    if path.is_symlink() and not source.endswith(("/", "/.", os.sep, f"{os.sep}.")):
        return
    for where, folders, files in os.walk(path):
        inside = Path(where).relative_to(path)
        yield from ((inside / name).as_posix() for name in (*folders, *files))
