"""How many pieces of work of each kind may run at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from factory import scan as scan_room
from factory import verify as verify_room
from factory.model import COLD_SUITE, Project
from factory.moving import MOVES
from factory.places import Places
from factory.settings import Settings

if TYPE_CHECKING:
    from factory.engine import Engine

CLUSTERS = "cluster"
"""How many clusters stand at once; no work has this lane."""

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
        widths[CLUSTERS] = _clusters(settings, project, engine)
        widths["verify"] = widths[CLUSTERS] + _ahead(project, engine, widths[CLUSTERS])
    return widths


def places(project: Project, widths: Mapping[str, int]) -> Places | None:
    """Where clusters stand, if there may be several at once: the next one need not wait until one
    is taken down. Where it is timed how they start, that would be in the way."""
    count = widths.get(CLUSTERS, 1)
    return Places(count) if count > 1 and project.matrix.suite != COLD_SUITE else None


def _clusters(settings: Settings, project: Project, engine: Engine) -> int:
    nodes = verify_room.nodes_of(project.matrix.suite, project.matrix.workers)
    return settings.clusters or verify_room.clusters_at_once(
        memory=engine.memory, cores=engine.cores, nodes=nodes
    )


def _ahead(project: Project, engine: Engine, clusters: int) -> int:
    """How many builds may be asked what a single container shows while others have the clusters."""
    suite = project.matrix.suite
    nodes = verify_room.nodes_of(suite, project.matrix.workers)
    if clusters == 1 or nodes == 1 or suite == COLD_SUITE:
        return 0
    return verify_room.ahead(memory=engine.memory, clusters=clusters, nodes=nodes)
