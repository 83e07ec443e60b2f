"""What it costs to find that nothing has to be built, beside bake, which asks BuildKit."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any

from benchmarks import baked, half, machine
from benchmarks.figures import Figure, Target, ratio
from benchmarks.grid import grid
from benchmarks.stopwatch import PAUSE
from benchmarks.tree import Tree, workplace
from factory import process
from factory.engine import Engine
from factory.errors import FactoryError
from factory.model import Selection
from factory.settings import Settings

BUILDS = 96
RUNS = 5
PAUSE_SECONDS = 5
LIMIT_SECONDS = 0.5
LIMIT_RATIO = round(1 / 12, 4)
METHOD = f"""\
A project of {BUILDS} builds (one Python, two Rays, an axis of 48 values; shipped templates and
application) is built once by `invoke build`, and once by `docker buildx bake` from the file that
`invoke bake` writes, so that its cache is warm as well. Then nothing changes: {RUNS} runs of
`invoke build` and of bake in turns, from start to end of the process, after one of each to warm
up, with compiled bytecode, {PAUSE_SECONDS} s apart, in which an engine comes to rest. Medians.
Where bake breaks off when it is asked for all at once (see `bake_at_once`), it is asked for
{baked.AT_ONCE} targets at a time, and the sum is its time.
"""
_STOPWATCH = baked.CODE / "benchmarks" / "stopwatch.py"


def run(settings: Settings, selection: Selection, say: Callable[[str], None]) -> Figure:
    """Measure it.

    Raises:
        FactoryError: a build failed, or one without a change did something.
    """
    with (
        workplace(settings, say) as place,
        place.tree(selection, grid(BUILDS), locked=False) as tree,
    ):
        builds = len(tree.prepare(selection).builds)
        flags = half.selecting(selection.only)
        say(f"{builds} builds, for the first time")
        half.factory(tree, "build", *flags)
        baked.warm(tree, *flags)
        whole = baked.whole(tree)
        bake = baked.by_parts() if whole.code else list(baked.BAKE)
        say(f"{RUNS} times nothing, by the factory and by bake")
        ours, theirs = _times(tree, baked.invoke("build", *flags), bake)
        _see_that_nothing_is_done(tree, flags)
    return _figure(builds, whole, ours, theirs)


def _figure(
    builds: int, whole: process.Completed, ours: list[float], theirs: list[float]
) -> Figure:
    quotient = ratio(median(ours), median(theirs))
    values: dict[str, Any] = {
        "builds": builds,
        "factory_seconds": ours,
        "bake_seconds": theirs,
        "bake_at_once": {"exit_code": whole.code, "seconds": round(whole.seconds, 2)},
        "factory_median_seconds": round(median(ours), 3),
        "bake_median_seconds": round(median(theirs), 3),
        "times_as_fast": round(median(theirs) / median(ours), 1),
    }
    took = values["factory_median_seconds"]
    return Figure(
        name="noop",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(Engine.connect()),
        values=values,
        targets=[
            Target(name="invoke build", value=took, limit=LIMIT_SECONDS, unit="s"),
            Target(name="time, of bake's", value=quotient, limit=LIMIT_RATIO),
        ],
    )


def _times(tree: Tree, build: list[str], bake: list[str]) -> tuple[list[float], list[float]]:
    """Seconds of each run: ours, and bake's."""
    stopwatch = [sys.executable, str(_STOPWATCH), str(RUNS)]
    # Whatever this shell does about bytecode, it is compiled.
    env = {"PYTHONDONTWRITEBYTECODE": "", PAUSE: str(PAUSE_SECONDS), **tree.env, **baked.ENV}
    argv = [*stopwatch, *build, "--", *bake]
    timed = process.run(argv, env=env, cwd=tree.settings.root, timeout=3600)
    taken = [round(seconds, 4) for seconds in json.loads(timed.stdout)]
    return taken[0::2], taken[1::2]


def _see_that_nothing_is_done(tree: Tree, flags: list[str]) -> None:
    said = baked.run(tree, *baked.invoke("build", *flags, "--format", "json")).stdout
    done = [one for one in json.loads(said)["outcomes"] if one["state"] != "cached"]
    if done:
        raise FactoryError(f"something was done: {done[0]['verb']} {done[0]['subject']}")
