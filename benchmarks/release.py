"""A cold release of the matrix beside a serial script that does the same work."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import half, machine
from benchmarks.figures import Figure, Target, by_verb, ratio
from benchmarks.serial import Script, Timing
from benchmarks.tree import Tree, Workplace, workplace
from factory import trivy
from factory.build import host_sources
from factory.engine import Engine
from factory.model import Selection
from factory.project import load
from factory.publish import local
from factory.scan import database
from factory.settings import Settings

LIMIT = 0.7
METHOD = """\
One run: a warm-up, which builds all images and so fetches all that is downloaded into BuildKit's
cache mounts; then `invoke release`; then benchmarks/serial.py, which builds the same Dockerfiles,
scans with the same Trivy and rules, verifies by the bare minimum of `bench verify` (the same checks
in one script) and pushes the same tags, one command after another. Before each, all is removed
that the one before made, and each has a project, a ledger, a registry, a Trivy cache and keys of
its own. Its Debian systems differ from all others by a file with a mark, so no layer is in
BuildKit's cache, though nobody's cache is pruned. Root file systems and Trivy's database, if there
is one, are provided to both. Seconds by verb are sums; in a release they overlap.
"""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Loop:
    """What the serial script took."""

    seconds: float
    busy_seconds: float
    timings: Sequence[Timing]


def run(settings: Settings, selection: Selection, say: Say) -> Figure:
    """Measure it.

    Raises:
        FactoryError: one of the two failed, so there is nothing to compare.
    """
    fetch_database(settings, say)
    flags = half.selecting(selection.only)
    with workplace(settings, say) as place:
        say("warming up: all that is downloaded")
        with place.tree(selection) as tree:
            half.factory(tree, "build", *flags)
        say("the factory")
        with place.tree(selection) as tree:
            builds = [planned.build.id for planned in tree.prepare(selection).plan.builds]
            ours = half.factory(tree, "release", *flags)
        say(f"the factory took {ours.seconds:.1f} s; now the serial script")
        theirs = _serial(place, selection, say)
    return _figure(builds, ours, theirs)


def _figure(builds: Sequence[str], ours: half.Took, theirs: Loop) -> Figure:
    quotient = ratio(ours.seconds, theirs.seconds)
    values: dict[str, Any] = {
        "builds": list(builds),
        "factory_seconds": round(ours.seconds, 1),
        "serial_seconds": round(theirs.seconds, 1),
        "ratio": quotient,
        **ours.values,
        "serial_machine_busy_cpu_seconds": round(theirs.busy_seconds, 1),
        "factory_seconds_by_verb": by_verb((verb, took) for verb, _, took in ours.timings),
        "serial_seconds_by_verb": by_verb((verb, took) for verb, _, took in theirs.timings),
        "factory_work": _listed(ours.timings),
        "serial_work": _listed(theirs.timings),
    }
    return Figure(
        name="release",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(Engine.connect()),
        values=values,
        targets=[
            Target(name="time, of the serial script's", value=quotient, limit=LIMIT),
            *ours.targets,
        ],
    )


def _listed(timings: Sequence[Timing]) -> list[str]:
    return [f"{verb} {subject} {seconds:.1f} s" for verb, subject, seconds in timings]


def _serial(place: Workplace, selection: Selection, say: Say) -> Loop:
    with place.tree(selection) as tree, tempfile.TemporaryDirectory(dir=tree.folder) as folder:
        script = script_of(tree, selection, Path(folder), say)
        before, started = machine.busy_seconds(), time.monotonic()
        timings = script.run()
        return Loop(
            seconds=time.monotonic() - started,
            busy_seconds=machine.busy_seconds() - before,
            timings=timings,
        )


def script_of(tree: Tree, selection: Selection, scratch: Path, say: Say) -> Script:
    """The script, ready to run, with its registry up, as a person's would be."""
    local.ensure(tree.settings)
    script = Script(
        tree=tree,
        prepared=tree.prepare(selection),
        sources=host_sources(),
        cache=trivy.home(tree.settings.cache),
        scratch=scratch,
        say=say,
    )
    script.ready()
    return script


def fetch_database(settings: Settings, say: Say) -> None:
    """Have Trivy's database, if it can be had, before anything is timed."""
    policy = load(settings).matrix.scan
    database.obtain(trivy.locate(), trivy.home(settings.cache), policy, say)
