"""Time to republish: one line of application code changed, until all that stands on it is published
again; beside a serial script that does the same work."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import half, machine
from benchmarks.edit import add_line
from benchmarks.figures import Figure, Target, by_verb, ratio
from benchmarks.release import fetch_database, script_of
from benchmarks.serial import Timing, trivy_image
from benchmarks.tree import Tree, note, workplace
from factory import process, trivy
from factory.engine import Engine
from factory.errors import FactoryError
from factory.model import Selection
from factory.publish import local
from factory.settings import Settings

LIMIT = 0.5
METHOD = """\
In a tree of its own everything is built and scanned once, pushed under another tag, and Trivy as a
script would call it looks at each image, so that both know their layers. Then one line is added to
the application that the most images stand on, and `invoke release` is timed; another line, and
benchmarks/serial.py is timed, a shell loop's commands one after another: the same Dockerfiles, the
same Trivy and rules, each image and pair verified by the bare minimum of `bench verify`
(benchmarks/minimum.yaml, the same checks in one script), the same tags pushed. Either makes, scans,
boots, verifies and publishes every image anew, on the same bases, which are in the engine and in
the registry. Seconds by verb are sums; in a release they overlap. `docker compose down` gives the
script's nodes ten seconds to end, as people leave it, where the factory kills its own:
`ratio_without_downs` leaves the script's out, and not the factory's.
"""
_BEFORE = "before"
_SECONDS = 3600
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """What one way to republish took."""

    seconds: float
    timings: Sequence[Timing]


def run(settings: Settings, selection: Selection, say: Say) -> Figure:
    """Measure it.

    Raises:
        FactoryError: one of the two failed, or did not do all of it anew.
    """
    fetch_database(settings, say)
    with workplace(settings, say) as place, place.tree(selection) as tree:
        say("building and scanning all of it for the first time")
        for verb in ("build", "scan"):
            half.factory(tree, verb, *half.selecting(selection.only), cold=False)
        _acquaint(tree, selection, say)
        say("one line changed, and released again")
        builds, ours = _ours(tree, selection)
        say(f"the factory took {ours.seconds:.1f} s; another line, and now the serial script")
        theirs = _theirs(tree, selection, say)
    return _figure(builds, ours, theirs)


def _acquaint(tree: Tree, selection: Selection, say: Say) -> None:
    """Have Trivy's cache know all layers that are there as the script's Trivy wants them, and the
    registry have them."""
    prepared, cache = tree.prepare(selection), trivy.home(tree.settings.cache)
    local.ensure(tree.settings)
    for planned in prepared.plan.builds:
        say(f"having Trivy and the registry know {planned.build.id}")
        ref = prepared.plan.steps[planned.key].ref
        argv = trivy_image(ref, cache, tree.folder / "report.json")
        process.run(argv, env={name: "" for name in os.environ if name.startswith("TRIVY_")})
        for target in prepared.project.matrix.targets:
            name = f"{target.repository(planned.build.image)}:{_BEFORE}"
            process.run(["docker", "tag", ref, name])
            process.run(["docker", "push", "--quiet", name], timeout=_SECONDS)
            process.run(["docker", "image", "rm", name])


def _ours(tree: Tree, selection: Selection) -> tuple[list[str], Way]:
    add_line(tree, selection, "released by the factory")
    plan = tree.prepare(selection).plan
    note(tree, plan)
    builds = [planned.build.id for planned in plan.builds]
    took = half.factory(tree, "release", *half.selecting(selection.only), cold=False)
    _see_that_all_was_done(builds, took)
    return builds, Way(seconds=took.seconds, timings=took.timings)


def _theirs(tree: Tree, selection: Selection, say: Say) -> Way:
    add_line(tree, selection, "released by the serial script")
    note(tree, tree.prepare(selection).plan)
    with tempfile.TemporaryDirectory(dir=tree.folder) as scratch:
        script = script_of(tree, selection, Path(scratch), say)
        started = time.monotonic()
        timings = script.run()
        return Way(seconds=time.monotonic() - started, timings=timings)


def _see_that_all_was_done(builds: Sequence[str], took: half.Took) -> None:
    """See that every build went through every gate.

    Raises:
        FactoryError: one did not.
    """
    done = [(one["verb"], one["subject"]) for one in took.outcomes if one["state"] == "done"]
    for build in builds:
        for verb in ("scan", "verify"):
            if (verb, build) not in done:
                raise FactoryError(f"{verb} of {build} was not done anew")
        if not any(verb == "publish" and subject.startswith(build) for verb, subject in done):
            raise FactoryError(f"{build} was not published anew")


def _figure(builds: Sequence[str], ours: Way, theirs: Way) -> Figure:
    quotient = ratio(ours.seconds, theirs.seconds)
    downs = sum(took for verb, _, took in theirs.timings if verb == "down")
    values: dict[str, Any] = {
        "builds": list(builds),
        "factory_seconds": round(ours.seconds, 1),
        "serial_seconds": round(theirs.seconds, 1),
        "ratio": quotient,
        "times_as_fast": round(theirs.seconds / ours.seconds, 2),
        "ratio_without_downs": ratio(ours.seconds, theirs.seconds - downs),
        "factory_seconds_by_verb": by_verb((verb, took) for verb, _, took in ours.timings),
        "serial_seconds_by_verb": by_verb((verb, took) for verb, _, took in theirs.timings),
    }
    return Figure(
        name="republish",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(Engine.connect()),
        values=values,
        targets=[Target(name="time, of the serial script's", value=quotient, limit=LIMIT)],
    )
