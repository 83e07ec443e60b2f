"""Providing Trivy's databases, as somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from factory import scan as scan_room
from factory import trivy
from factory.errors import ConfigError
from factory.matrix import near
from factory.project import matrix_of
from factory.settings import Settings
from factory.trivy import JAVA, VULNERABILITIES, Database, Kind

ACTIONS = ("fetch", "load")

_JAVA_EVERY = timedelta(days=7)
"""Of that one its publishers make a new one each week, and it has a gigabyte."""


def provide(
    settings: Settings,
    action: str,
    source: str | None,
    note: Callable[[str], None],
    *,
    java: bool = True,
) -> str:
    """Fetch the newest databases, or load one from this machine; returns what there is then.

    Args:
        note: is told what was fetched, as soon as it was.
        java: whether the one by which Java archives are told apart is fetched too.

    Raises:
        ConfigError: there is no such action, or it lacks its source, or has one for nothing; or
            ``matrix.yaml`` is wrong.
        MachineError: there is no Trivy, or a database cannot be had.
    """
    if action not in ACTIONS:
        raise ConfigError(f"`db` cannot {action!r}", todo=near(action, ACTIONS))
    home = trivy.home(settings.cache)
    if action == "load":
        if not source:
            raise ConfigError("load needs a source", todo="write `invoke db load --source PATH`")
        return _of(*scan_room.load(home, Path(source)))
    if source:
        raise ConfigError(
            "fetch takes no source",
            todo="name a mirror as `policy.scan.database_mirror` in matrix.yaml",
        )
    return _fetched(settings, home, note, java=java)


def _fetched(settings: Settings, home: Path, note: Callable[[str], None], *, java: bool) -> str:
    matrix, tool = matrix_of(settings), trivy.locate()
    mirrors = (
        (matrix.scan.database_mirror, matrix.scan.java_database_mirror) if matrix else (None, None)
    )
    found = _of(VULNERABILITIES, scan_room.fetch(tool, home, VULNERABILITIES, mirrors[0]))
    if not java:
        return found
    note(found)  # should the other not be had, this one is here all the same
    there = trivy.cached_database(home, kind=JAVA)
    if there is None or datetime.now(UTC) - there.updated_at > _JAVA_EVERY:
        there = scan_room.fetch(tool, home, JAVA, mirrors[1])
    return _of(JAVA, there)


def _of(kind: Kind, found: Database) -> str:
    return f"the {kind.name} is of {found.updated_at:%Y-%m-%d %H:%M} UTC"
