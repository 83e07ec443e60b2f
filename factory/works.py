"""What a run does to each build, each pair and each group, and what waits for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from factory.model import Build, Cohort, PlannedBuild
from factory.resuming import Resuming
from factory.scheduler import Work

if TYPE_CHECKING:
    from factory.workshop import Workshop

_NEEDS = {"scan": ("build",), "verify": ("build",), "publish": ("scan", "verify")}


def judging(workshop: Workshop, planned: PlannedBuild, gates: Sequence[str]) -> Iterator[Work]:
    """What a build has to pass by itself, and its way to every target."""
    last = workshop.plan.steps[planned.key]
    subjects = {"build": last.label, "scan": planned.build.id, "verify": planned.build.id}
    doing = {"scan": workshop.judges.scan, "verify": workshop.judges.verify}

    def needs(gate: str) -> tuple[str, ...]:
        before = [need for need in _NEEDS[gate] if need in gates]
        return tuple(f"{need} {subjects[need]}" for need in before)

    for gate in ("scan", "verify"):
        if gate in gates:
            yield Work(
                verb=gate,
                subject=planned.build.id,
                run=partial(doing[gate], planned),
                needs=needs(gate),
                lane="coldstart" if gate == "verify" and workshop.judges.cold else gate,
            )
    for target in workshop.project.matrix.release_targets if "publish" in gates else ():
        yield Work(
            verb="publish",
            subject=f"{planned.build.id} → {target.name}",
            run=partial(workshop.publishing.push, planned, target),
            needs=(*needs("publish"), *together(workshop, planned.build, gates)),
            lane="publish",
        )


def pairing(workshop: Workshop, gates: Sequence[str]) -> Iterator[Work]:
    """What is verified together waits for all that each of the two has to pass by itself."""
    plan, pairs = workshop.plan, workshop.pairs
    last = {one.build: plan.steps[one.key].label for one in plan.builds}
    for pair in plan.pairs:
        needs = [f"verify {build.id}" for build in pair.builds]
        needs += [f"build {last[build]}" for build in pair.builds] if "build" in gates else []
        yield Work(
            verb="verify",
            subject=pair.id,
            run=partial(pairs.verify, pair),
            needs=() if pair.refused else tuple(dict.fromkeys(needs)),
            lane="verify",
        )
    for cohort in _refused(workshop):
        yield Work(verb="verify", subject=cohort.subject, run=partial(pairs.refuse, cohort))


def _refused(workshop: Workshop) -> list[Cohort]:
    """The cohorts that pair nothing, but for those that name builds, and none of this run."""
    builds = [planned.build for planned in workshop.plan.builds]
    return [
        cohort
        for cohort in workshop.project.refused_cohorts
        if not cohort.named or any(cohort.names(build) for build in builds)
    ]


def together(workshop: Workshop, build: Build, gates: Sequence[str]) -> tuple[str, ...]:
    """What a build's publication waits for that is not its own alone."""
    if "verify" not in gates:
        return ()
    pairs = [pair.id for pair in workshop.plan.pairs if build in pair.builds]
    refused = [cohort.subject for cohort in _refused(workshop) if cohort.names(build)]
    return tuple(f"verify {subject}" for subject in (*pairs, *refused))


def moving(workshop: Workshop) -> Iterator[Work]:
    """What dead runs began, and then each group's floating tags: they wait for all of its builds
    that are part of this run, at every target."""
    shop = workshop
    yield from Resuming(
        settings=shop.settings, ledger=shop.ledger, registry=shop.stock.registry
    ).works()
    planned = {one.build for one in shop.plan.builds}
    for group in shop.plan.groups:
        yield Work(
            verb="move",
            subject=group.name,
            run=partial(shop.publishing.move, group),
            needs=tuple(
                f"publish {build.id} → {target.name}"
                for build in group.builds
                if build in planned
                for target in shop.project.matrix.release_targets
            ),
            lane="move",
        )
