"""How many pieces of work of each kind may run at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from factory import scan as scan_room
from factory import verify as verify_room
from factory.aside import Aside
from factory.model import COLD_SUITE, Project
from factory.moving import MOVES
from factory.settings import Settings

if TYPE_CHECKING:
    from factory.engine import Engine

_PUBLICATIONS = 2
_APPLICATIONS = 2
"""As many as one of the other steps: an application is small, and waits for the engine more than it
works."""


def lanes(
    settings: Settings, project: Project, engine: Engine, gates: Sequence[str]
) -> dict[str, int]:
    """Lane to width; one that is not named has width 1. The engine is asked how large it is where
    there are clusters to boot, and only there: it takes it longer than finding nothing to do."""
    widths = {
        "build": settings.jobs,
        "app": _APPLICATIONS * settings.jobs,
        "publish": _PUBLICATIONS,
        "move": MOVES,
    }
    if "scan" in gates:
        widths["scan"] = scan_room.MOST  # those that wait together are taken apart together
    if "verify" in gates:
        widths["verify"] = _clusters(settings, project, engine)
    return widths


def aside(project: Project, widths: Mapping[str, int]) -> Aside | None:
    """What takes clusters down, where there may be several at once: the next one need not wait for
    that. Where it is timed how they start, it would be in the way."""
    return Aside() if widths.get("verify", 1) > 1 and project.matrix.suite != COLD_SUITE else None


def _clusters(settings: Settings, project: Project, engine: Engine) -> int:
    nodes = verify_room.nodes_of(project.matrix.suite, project.matrix.workers)
    return settings.clusters or verify_room.clusters_at_once(
        memory=engine.memory, cores=engine.cores, nodes=nodes
    )
