"""Providing the vulnerability database, as somebody asks for it."""

from __future__ import annotations

from pathlib import Path

from factory import scan as scan_room
from factory import trivy
from factory.errors import ConfigError
from factory.matrix import near
from factory.project import matrix_of
from factory.settings import Settings

ACTIONS = ("fetch", "load")


def provide(settings: Settings, action: str, source: str | None) -> str:
    """Fetch the newest database, or load one from this machine; returns what there is then.

    Raises:
        ConfigError: there is no such action, or it lacks its source, or has one for nothing; or
            ``matrix.yaml`` is wrong.
        MachineError: there is no Trivy, or the database cannot be had.
    """
    if action not in ACTIONS:
        raise ConfigError(f"`db` cannot {action!r}", todo=near(action, ACTIONS))
    home = trivy.home(settings.cache)
    if action == "load":
        if not source:
            raise ConfigError("load needs a source", todo="write `invoke db load --source PATH`")
        found = scan_room.load(home, Path(source))
    else:
        if source:
            raise ConfigError(
                "fetch takes no source",
                todo="name a mirror as `policy.scan.database_mirror` in matrix.yaml",
            )
        matrix = matrix_of(settings)
        found = scan_room.fetch(
            trivy.locate(), home, matrix.scan.database_mirror if matrix else None
        )
    return f"the vulnerability database is of {found.updated_at:%Y-%m-%d %H:%M} UTC"
