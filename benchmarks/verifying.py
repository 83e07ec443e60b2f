"""What it costs to verify: one image beside the bare minimum, eight at once, the full suite."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from statistics import median
from typing import Any

from benchmarks import half, machine, minimum, quiet, requests
from benchmarks.figures import Figure, Target, ratio
from benchmarks.tree import Tree, workplace
from factory.engine import Engine
from factory.errors import FactoryError
from factory.model import CheckStatus, PlannedBuild, Selection
from factory.pipeline import Prepared
from factory.settings import Settings
from factory.verify import ClusterRequest
from factory.verify import verify as verified

RUNS = 3
MANY = 8
LIMIT = 1.3
MANY_LIMIT = 0.75
FULL_SECONDS = 90
METHOD = f"""\
A project of the shipped images on one cell without RLlib, which an axis of its own multiplies, and
one with it. Nothing is judged twice, since images of one kind differ in their configuration. After
one of each of the first two to warm up, {RUNS} times in turns: `invoke verify` of one build, from
start to end of the process; of another the bare minimum, which is benchmarks/minimum.yaml with
`docker compose up --wait`, the same checks of the quick suite in one script and interpreter, and
`down`; and `invoke verify` of {MANY} builds at once, which is held against {MANY} times one. Each
begins when disks and cores are idle and memory is at hand. Medians. Then `invoke verify --suite
full` of the RLlib build, once. CPU is what all cores worked meanwhile, the engine's part included.
What each check took is of one more verification.
"""
_IMAGE, _RLLIB = "ray-app", "ray-rl"
_WARM = 1
_PLAIN = _WARM + RUNS * (1 + MANY)
"""Builds without RLlib: each is verified once."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rounds:
    """What was taken in turns: one build with the factory and without, and many at once."""

    ours: Sequence[half.Took]
    theirs: Sequence[minimum.Took]
    many: Sequence[half.Took]

    @property
    def seconds(self) -> float:
        return median(one.seconds for one in self.ours)

    @property
    def many_ratio(self) -> float:
        """The time of many at once, of as many times one."""
        return ratio(median(one.seconds for one in self.many), MANY * self.seconds)

    @property
    def many_least(self) -> float:
        """Likewise, if all cores had worked all the time."""
        busy = median(one.busy_seconds for one in self.many)
        return ratio(busy / machine.cores(), MANY * self.seconds)

    @property
    def ratio(self) -> float:
        """The time of the factory's, of the minimum's."""
        return ratio(self.seconds, median(one.seconds for one in self.theirs))

    @property
    def ratio_without_down(self) -> float:
        """Likewise, without the minimum's `down`, and with the factory's."""
        left = [one.seconds - one.down_seconds for one in self.theirs]
        return ratio(self.seconds, median(left))


def run(settings: Settings, selection: Selection, say: Say) -> Figure:
    """Measure it.

    Raises:
        FactoryError: a build or a verification failed, or the selection leaves too few builds.
    """
    with workplace(settings, say) as place, place.tree(selection, _sites, locked=False) as tree:
        prepared = tree.prepare(selection)
        plain, rllib = _builds(prepared, _IMAGE, rllib=False), _builds(prepared, _RLLIB, rllib=True)
        if len(plain) < _PLAIN or not rllib:
            raise FactoryError("too few builds are selected", todo="leave --only out")
        say(f"{len(plain)} builds without RLlib, and one with it")
        half.factory(tree, "build", *_flags([*plain, rllib[0]]))
        rounds = _rounds(tree, prepared, plain, say)
        say("the full suite with RLlib")
        quiet.settle()
        full = half.factory(tree, "verify", "--suite=full", *_flags(rllib[:1]))
        checks = _by_check(_request(tree, prepared, plain[0]), tree.mark)
    return _figure(rounds, full, checks)


def _sites(content: dict[str, Any]) -> None:
    """One cell many times over, and once with RLlib."""
    sites = [f"s{number:02}" for number in range(_PLAIN)]
    content["axes"] = {
        "python": ["3.11"],
        "ray": content["axes"]["ray"][:1],
        "rllib": [False, True],
        "site": sites,
    }
    content["exclude"] = [
        {"where": {"rllib": True, "site": site}, "reason": "one is enough"} for site in sites[1:]
    ]
    content["verify"] = {"workers": 2}
    for key in ("latest", "cohorts"):
        content.pop(key, None)


def _builds(prepared: Prepared, image: str, *, rllib: bool) -> list[PlannedBuild]:
    return [
        one
        for one in prepared.plan.builds
        if one.build.image == image and one.build.cell.rllib is rllib
    ]


def _flags(builds: Sequence[PlannedBuild]) -> list[str]:
    return half.selecting([one.build.id for one in builds])


def _rounds(tree: Tree, prepared: Prepared, builds: Sequence[PlannedBuild], say: Say) -> Rounds:
    ours, theirs, many = [], [], []
    left = iter(builds)
    say(f"with the factory and without, and {MANY} at once, {RUNS} times; but first to warm up")
    for number in range(_WARM + RUNS):
        build = next(left)
        quiet.settle()
        ours.append(half.factory(tree, "verify", *_flags([build])))
        quiet.settle()
        theirs.append(minimum.verify(tree, _request(tree, prepared, build)))
        say(f"the factory took {ours[-1].seconds:.1f} s, the minimum {theirs[-1].seconds:.1f} s")
        if number >= _WARM:
            quiet.settle()
            many.append(half.factory(tree, "verify", *_flags([*islice(left, MANY)])))
            say(f"{MANY} at once took {many[-1].seconds:.1f} s")
    return Rounds(ours=ours[_WARM:], theirs=theirs[_WARM:], many=many)


def _request(tree: Tree, prepared: Prepared, build: PlannedBuild) -> ClusterRequest:
    ref = prepared.plan.steps[build.key].ref
    return requests.request_of(tree.settings, prepared.project, build, ref)


def _by_check(request: ClusterRequest, run_id: str) -> Mapping[str, Any]:
    """Seconds, and CPU of the machine, until each check had ended, and until all was gone."""
    found: dict[str, Any] = {}
    last = [time.monotonic(), machine.busy_seconds()]

    def lap(line: str) -> None:
        now = [time.monotonic(), machine.busy_seconds()]
        seconds, cpu = (round(new - old, 2) for new, old in zip(now, last, strict=True))
        found[line.split()[0]] = {"seconds": seconds, "cpu_seconds": cpu}
        last[:] = now

    verdict = verified(request, run_id=run_id, log=lap)
    lap("down")
    failed = [check.name for check in verdict.checks if check.status is not CheckStatus.PASS]
    if failed:
        raise FactoryError(f"{request.subject} did not pass: {', '.join(failed)}")
    return found


def _figure(one: Rounds, full: half.Took, checks: Mapping[str, Any]) -> Figure:
    cpu = median(took.busy_seconds for took in one.ours)
    many_cpu = median(took.busy_seconds for took in one.many) / MANY
    values: dict[str, Any] = {
        "factory_seconds": [round(took.seconds, 2) for took in one.ours],
        "minimum_seconds": [round(took.seconds, 2) for took in one.theirs],
        "factory_median_seconds": round(one.seconds, 2),
        "minimum_median_seconds": round(median(took.seconds for took in one.theirs), 2),
        "minimum_down_seconds": round(median(took.down_seconds for took in one.theirs), 2),
        "ratio": one.ratio,
        "ratio_without_down": one.ratio_without_down,
        "factory_cpu_seconds": round(cpu, 1),
        "minimum_cpu_seconds": round(median(took.busy_seconds for took in one.theirs), 1),
        "boot_cpu_seconds": checks["boot"]["cpu_seconds"],
        "many_builds": MANY,
        "many_seconds": [round(took.seconds, 1) for took in one.many],
        "many_ratio": one.many_ratio,
        "many_cpu_seconds_each": round(many_cpu, 1),
        "many_ratio_if_no_core_idled": one.many_least,
        "full_rllib_seconds": round(full.seconds, 1),
        "full_rllib_cpu_seconds": round(full.busy_seconds, 1),
        "by_check": checks,
    }
    return Figure(
        name="verify-speed",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(Engine.connect()),
        values=values,
        targets=[
            Target(name="one build, of the minimum's time", value=one.ratio, limit=LIMIT),
            Target(
                name=f"{MANY} builds, of {MANY} times one", value=one.many_ratio, limit=MANY_LIMIT
            ),
            Target(
                name="the full suite with RLlib",
                value=round(full.seconds, 1),
                limit=FULL_SECONDS,
                unit="s",
            ),
        ],
    )
