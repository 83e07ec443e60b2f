"""How much of the machine the factory takes for itself, as opposed to what it starts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks import half, machine
from benchmarks.figures import Figure
from benchmarks.tree import workplace
from factory.engine import Engine
from factory.model import Selection
from factory.pipeline import prepare
from factory.settings import Settings

METHOD = """\
A cold release of one build, or of those selected, in a tree of its own. Own CPU is that of the
process that runs the release, by getrusage(RUSAGE_SELF); the whole is what all cores of the machine
worked meanwhile, by /proc/stat, so whatever else runs makes the share look smaller. Own memory is
the highest resident set of that process (VmHWM). `bench release` takes the same of all builds.
"""


def run(settings: Settings, selection: Selection, say: Callable[[str], None]) -> Figure:
    """Measure it.

    Raises:
        FactoryError: the release failed.
    """
    only = selection.only or (prepare(settings, selection).builds[0].id,)
    chosen = Selection(only=only)
    with workplace(settings, say) as place, place.tree(chosen) as tree:
        took = half.factory(tree, "release", *half.selecting(only))
    return Figure(
        name="memory",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(Engine.connect()),
        values={"builds": list(only), "seconds": round(took.seconds, 1), **took.values},
        targets=took.targets,
    )
