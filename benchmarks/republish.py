"""Time to republish: one line of application code changed, until all that stands on it is published
again; beside a serial script that does the same work."""

from __future__ import annotations

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
from benchmarks.serial import Timing
from benchmarks.tree import Workplace, note, workplace
from factory.engine import Engine
from factory.errors import FactoryError
from factory.model import Selection
from factory.settings import Settings

LIMIT = 0.5
METHOD = """\
Two trees of their own, whose Debian systems differ by a file with a mark, so that neither finds a
layer of the other's. In the first everything is released by `invoke release`; in the second by
benchmarks/serial.py, a shell loop's commands one after another: the same Dockerfiles, the same
Trivy and rules, the same Compose file and smoke suite, the same tags pushed. Then, in each, one
line is added to the application that the most images stand on, and the same is done again, which is
what is timed: every image is made, scanned, booted, verified and published anew, on bases that are
there. Seconds by verb are sums; in a release they overlap.
"""
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
    with workplace(settings, say) as place:
        say("the factory, for the first time")
        builds, ours = _ours(place, selection, say)
        say(f"the factory took {ours.seconds:.1f} s; now the serial script, for the first time")
        theirs = _theirs(place, selection, say)
    return _figure(builds, ours, theirs)


def _ours(place: Workplace, selection: Selection, say: Say) -> tuple[list[str], Way]:
    flags = half.selecting(selection.only)
    with place.tree(selection) as tree:
        half.factory(tree, "release", *flags)
        say("one line changed, and again")
        add_line(tree, selection, "republish")
        plan = tree.prepare(selection).plan
        note(tree, plan)
        builds = [planned.build.id for planned in plan.builds]
        took = half.factory(tree, "release", *flags, cold=False)
        _see_that_all_was_done(builds, took)
        return builds, Way(seconds=took.seconds, timings=took.timings)


def _theirs(place: Workplace, selection: Selection, say: Say) -> Way:
    with place.tree(selection) as tree, tempfile.TemporaryDirectory(dir=tree.folder) as folder:
        first, second = Path(folder, "first"), Path(folder, "second")
        first.mkdir()
        second.mkdir()
        script_of(tree, selection, first, say).run()
        add_line(tree, selection, "republish")
        note(tree, tree.prepare(selection).plan)
        script = script_of(tree, selection, second, say)
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
    values: dict[str, Any] = {
        "builds": list(builds),
        "factory_seconds": round(ours.seconds, 1),
        "serial_seconds": round(theirs.seconds, 1),
        "ratio": quotient,
        "times_as_fast": round(theirs.seconds / ours.seconds, 2),
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
