"""What it takes to scan builds that share a base, and to judge them by a newer database: beside a
loop of ``trivy image``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from statistics import median
from time import monotonic
from typing import Any

from benchmarks import half, machine, trivy_database
from benchmarks.figures import Figure, Target, ratio
from benchmarks.grid import grid
from benchmarks.serial import trivy_image
from benchmarks.tree import Tree, workplace
from factory import process, trivy
from factory.engine import Engine
from factory.errors import FactoryError
from factory.model import Selection
from factory.settings import Settings

BUILDS = 16
RUNS = 3
ADVISORIES = 4
"""On each package, none of which has a fix: so they are looked up and told, and refuse nothing."""

LIMIT_OF_ONE = 2.5
LIMIT_SECONDS = 5.0
METHOD = f"""\
{BUILDS} builds (one Python, one Ray, an axis of {BUILDS} values; shipped templates and application)
are made once. Then {RUNS} times, in turns, each from start to end of the process: `invoke scan` of
one build, of all {BUILDS}, and `trivy image` of each of these, one after the other, as a script
would call it with the same rules, from the same engine; all three with empty caches. Then a newer
database takes the place of the old one: `invoke scan` of all, and the loop, which keeps its cache.
The databases are made by the bench ({ADVISORIES} advisories on each package of Debian's and PyPI's
in the images, none on Java archives), since what is downloaded is not what is measured. Medians.
"""
Say = Callable[[str], None]
_KINDS = (trivy.VULNERABILITIES, trivy.JAVA)


def run(settings: Settings, selection: Selection, say: Say) -> Figure:
    """Measure it.

    Raises:
        FactoryError: a build or a scan failed, or was not done anew.
    """
    with (
        workplace(settings, say) as place,
        place.tree(selection, grid(BUILDS, rays=1), locked=False) as tree,
    ):
        flags = half.selecting(selection.only)
        prepared = tree.prepare(selection)
        builds = [build.id for build in prepared.builds]
        refs = [prepared.plan.steps[planned.key].ref for planned in prepared.plan.builds]
        say(f"{len(builds)} builds, for the first time")
        half.factory(tree, "build", *flags)
        bench = _Bench(tree, refs, flags)
        bench.learn(builds[0])
        runs = []
        for _ in range(RUNS):
            runs.append(bench.run(builds[0]))
            say(", ".join(f"{name} {seconds:.1f} s" for name, seconds in runs[-1].items()))
    return _figure(builds, runs)


class _Bench:
    """A tree whose builds are scanned over and over."""

    def __init__(self, tree: Tree, refs: list[str], flags: list[str]) -> None:
        self._tree, self._refs, self._flags = tree, refs, flags
        self._home = trivy.home(tree.settings.cache)
        self._loop = tree.folder / "loop"
        self._ledger = tree.folder / "ledger.sqlite"
        self._advisories: dict[str, Any] = {}
        shutil.copy(tree.settings.state / "ledger.sqlite", self._ledger)

    def learn(self, build: str) -> None:
        """Scan one build, which also warms up what caches of the machine there are, and have
        advisories on what is in it."""
        self._forget()
        half.factory(self._tree, "scan", f"--only={build}")
        (bill,) = self._home.glob("inventory/*/sbom.cdx.json")
        self._advisories = advisories(json.loads(bill.read_bytes()))

    def run(self, build: str) -> dict[str, float]:
        """Seconds of each way."""
        self._forget()
        one = half.factory(self._tree, "scan", f"--only={build}").seconds
        self._forget()
        all_of_them = half.factory(self._tree, "scan", *self._flags).seconds
        loop = self._looped(anew=True)
        self._renew()
        return {
            "one": one,
            "all": all_of_them,
            "loop": loop,
            "again": half.factory(self._tree, "scan", *self._flags).seconds,
            "loop_again": self._looped(anew=False),
        }

    def _forget(self) -> None:
        """Leave no verdict, and nothing that was found in an image."""
        shutil.copy(self._ledger, self._tree.settings.state / "ledger.sqlite")
        shutil.rmtree(self._home, ignore_errors=True)
        trivy_database.write(self._home, self._advisories, datetime.now(UTC) - timedelta(hours=2))
        trivy_database.write_java(self._home)

    def _renew(self) -> None:
        shutil.rmtree(self._home / "db")
        trivy_database.write(self._home, self._advisories)

    def _looped(self, *, anew: bool) -> float:
        """Seconds of the loop, with the database as the factory has it now."""
        for kind in _KINDS:
            shutil.rmtree(self._loop / kind.folder, ignore_errors=True)
        if anew:
            shutil.rmtree(self._loop, ignore_errors=True)
        for kind in _KINDS:
            shutil.copytree(self._home / kind.folder, self._loop / kind.folder)
        started = monotonic()
        for ref in self._refs:
            process.run(trivy_image(ref, self._loop, self._loop / "report.json"), timeout=1800)
        return monotonic() - started


def advisories(bill: Mapping[str, Any]) -> dict[str, Any]:
    """A database's content with advisories on each package of a bill of materials (CycloneDX).

    Raises:
        FactoryError: there is none of Debian's or PyPI's.
    """
    systems: dict[str, dict[str, Any]] = {}
    flaws: dict[str, Any] = {}
    for at, (bucket, package, found) in enumerate(_packages(bill)):
        ids = [f"CVE-2026-{10 * (at + 1) + number}" for number in range(ADVISORIES)]
        systems.setdefault(bucket, {})[package] = {one: {"": found} for one in ids}
        flaws |= {one: {"": {"Title": "made up", "Severity": "LOW"}} for one in ids}
    if not flaws:
        raise FactoryError("the bill of materials names no package of Debian's or PyPI's")
    sources = {
        name: {"": {"ID": "debian", "Name": "Debian", "URL": ""}}
        for name in systems
        if name.startswith("debian")
    }
    return {"vulnerability": flaws, "data-source": sources, **systems}


def _packages(bill: Mapping[str, Any]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    """Bucket, package and advisory of each package, once."""
    release = next(
        one["version"].partition(".")[0]
        for one in bill["components"]
        if one["type"] == "operating-system"
    )
    anything = {"VulnerableVersions": [">=0"], "PatchedVersions": []}
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in bill["components"]:
        kind = str(one.get("purl", "")).partition("/")[0]
        notes = {note["name"]: note["value"] for note in one.get("properties", ())}
        source = notes.get("aquasecurity:trivy:SrcName", one["name"])
        if kind == "pkg:deb":
            found[f"debian {release}", source] = {"Status": 1}
        elif kind == "pkg:pypi":
            found["pip::GitHub Security Advisory Pip", one["name"].lower()] = anything
    return [(bucket, package, advisory) for (bucket, package), advisory in sorted(found.items())]


def _figure(builds: list[str], runs: list[dict[str, float]]) -> Figure:
    medians = {name: round(median(run[name] for run in runs), 2) for name in runs[0]}
    of_one = ratio(medians["all"], medians["one"])
    return Figure(
        name="scan",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(Engine.connect()),
        values={
            "builds": len(builds),
            "one_seconds": medians["one"],
            "all_seconds": medians["all"],
            "loop_seconds": medians["loop"],
            "again_seconds": medians["again"],
            "loop_again_seconds": medians["loop_again"],
            "all_of_loop": ratio(medians["all"], medians["loop"]),
            "again_of_loop": ratio(medians["again"], medians["loop_again"]),
            "runs": [{name: round(value, 2) for name, value in run.items()} for run in runs],
        },
        targets=[
            Target(name=f"{len(builds)} builds, of one's time", value=of_one, limit=LIMIT_OF_ONE),
            Target(name="judged anew", value=medians["again"], limit=LIMIT_SECONDS, unit="s"),
            Target(
                name="all, of a loop's time", value=ratio(medians["all"], medians["loop"]), limit=1
            ),
        ],
    )
