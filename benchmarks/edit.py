"""One line of application code changed: what it takes until all builds have it, beside bake."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import baked, half, machine
from benchmarks.figures import Figure, Target, ratio
from benchmarks.tree import Tree, note, workplace
from factory.engine import Engine
from factory.errors import FactoryError
from factory.model import Plan, Selection
from factory.settings import Settings

RUNS = 5
LIMIT = 1.0
METHOD = f"""\
All shipped builds, or those selected, are built once by `invoke build`, and once by `docker buildx
bake` from the file that `invoke bake` writes, so that its cache is warm as well. Then
{RUNS} times, in turns: one line is added to the application that the most images stand on, and
`invoke build` makes all builds anew; another line is added, and bake does, with the file as it is.
Medians of the time from start to end of the process. Every line is a new one, so nobody finds what
the other made; that the factory worked on nothing but applications is seen each time.
"""
Say = Callable[[str], None]


def run(settings: Settings, selection: Selection, say: Say) -> Figure:
    """Measure it.

    Raises:
        FactoryError: a build failed, or the factory worked on more than applications.
    """
    flags = half.selecting(selection.only)
    with workplace(settings, say) as place, place.tree(selection) as tree:
        builds = [build.id for build in tree.prepare(selection).builds]
        say(f"{len(builds)} builds, for the first time")
        half.factory(tree, "build", *flags)
        baked.warm(tree, *flags)
        ours, theirs = [], []
        for turn in range(RUNS):
            ours.append(_ours(tree, selection, f"factory {turn}"))
            theirs.append(_theirs(tree, f"bake {turn}"))
            say(f"the factory took {ours[-1]:.1f} s, bake {theirs[-1]:.1f} s")
    return _figure(builds, ours, theirs)


def _figure(builds: list[str], ours: list[float], theirs: list[float]) -> Figure:
    quotient = ratio(median(ours), median(theirs))
    return Figure(
        name="edit",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(Engine.connect()),
        values={
            "builds": builds,
            "factory_seconds": ours,
            "bake_seconds": theirs,
            "factory_median_seconds": median(ours),
            "bake_median_seconds": median(theirs),
            "ratio": quotient,
        },
        targets=[Target(name="time, of bake's", value=quotient, limit=LIMIT)],
    )


def _ours(tree: Tree, selection: Selection, line: str) -> float:
    add_line(tree, selection, line)
    plan = tree.prepare(selection).plan
    note(tree, plan)
    flags = half.selecting(selection.only)
    done = baked.run(tree, *baked.invoke("build", *flags, "--format", "json"))
    see_that_only_applications_were_built(plan, json.loads(done.stdout)["outcomes"])
    return round(done.seconds, 2)


def _theirs(tree: Tree, line: str) -> float:
    add_line(tree, Selection(), line)
    return round(baked.run(tree, *baked.BAKE).seconds, 2)


def see_that_only_applications_were_built(
    plan: Plan, outcomes: Iterable[Mapping[str, Any]]
) -> None:
    """See that every application was made, and nothing else.

    Raises:
        FactoryError: it was not so.
    """
    wanted = {step.label for step in plan.steps.values() if step.kind == "app"}
    made = {one["subject"] for one in outcomes if one["state"] == "done"}
    if made != wanted:
        odd = ", ".join(sorted(made ^ wanted))
        raise FactoryError(f"one line of an application did not make just applications: {odd}")


def add_line(tree: Tree, selection: Selection, line: str) -> None:
    """Add a comment to the application that the most builds have in them."""
    file = _application(tree, selection)
    with file.open("a", encoding="utf-8") as text:
        text.write(f"# {tree.mark} {line}\n")


def _application(tree: Tree, selection: Selection) -> Path:
    project = tree.prepare(selection).project
    root = next(image for image in project.images.values() if image.parent is None)
    folder = tree.settings.root / root.folder / "app"
    return min(folder.rglob("*.py"))
