"""How long a plan takes, and whether it grows with the number of builds and no faster."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.figures import Figure, Target, ratio
from benchmarks.grid import grid
from benchmarks.tree import Tree, copy, settings_of
from factory.engine import Engine
from factory.model import Selection
from factory.pipeline import prepare
from factory.settings import Settings

SIZES = (100, 1_000, 10_000)
RUNS = 5
LIMIT_SECONDS = 1.0
LIMIT_GROWTH = 1.3
METHOD = f"""\
Projects of {SIZES[0]:,}, {SIZES[1]:,} and {SIZES[2]:,} builds (one Python, two Rays, an axis of as
many values as it takes; shipped templates and application). Each is read, spanned, rendered and
keyed, as every command does first, in one process that has done it once: no start-up is in it.
Medians of {RUNS} runs. Growth is the time a build, of that in a project a tenth as large.
"""


def run(settings: Settings, _selection: Selection, say: Callable[[str], None]) -> Figure:
    """Measure it on projects made of the templates at ``settings.root``."""
    took: dict[int, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        for size in SIZES:
            say(f"{RUNS} plans of {size:,} builds")
            took[size] = _times(_project(settings, Path(folder, str(size)), size), size)
    return _figure(took)


def _project(origin: Settings, folder: Path, size: int) -> Settings:
    tree = Tree(folder=folder, settings=settings_of(folder, origin), mark="bench-plan")
    copy(origin, tree, grid(size), locked=False)
    return tree.settings


def _times(settings: Settings, size: int) -> list[float]:
    taken = []
    for _ in range(RUNS + 1):
        gc.collect()  # what the last run left is not this one's work
        started = time.perf_counter()
        prepared = prepare(settings, Selection())
        taken.append(round(time.perf_counter() - started, 4))
        assert len(prepared.plan.builds) == size
    return taken[1:]


def _figure(took: dict[int, list[float]]) -> Figure:
    medians = {size: median(seconds) for size, seconds in took.items()}
    small, middle, large = (medians[size] / size for size in SIZES)
    return Figure(
        name="plan",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(Engine.connect()),
        values={
            **{f"seconds_{size}": seconds for size, seconds in took.items()},
            **{f"median_seconds_{size}": round(one, 3) for size, one in medians.items()},
            **{
                f"milliseconds_a_build_{size}": round(1000 * one / size, 3)
                for size, one in medians.items()
            },
        },
        targets=[
            Target(
                name="1,000 builds", value=round(medians[1_000], 3), limit=LIMIT_SECONDS, unit="s"
            ),
            Target(name="growth from 100 to 1,000", value=ratio(middle, small), limit=LIMIT_GROWTH),
            Target(
                name="growth from 1,000 to 10,000", value=ratio(large, middle), limit=LIMIT_GROWTH
            ),
        ],
    )
