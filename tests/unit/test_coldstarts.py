"""What a build's workers take beside its last release: what the ledger has is found, and what it
has not is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from factory.coldstarts import cold_start, last_release, measured
from factory.history import History
from factory.judging import known_suite, possible_parts, request_of
from factory.ledger import Ledger
from factory.model import (
    COLD_START,
    COLD_SUITE,
    Budget,
    Built,
    Check,
    CheckStatus,
    ColdStart,
    Gate,
    Pair,
    PlannedBuild,
    Publication,
    Selection,
    Status,
    Timing,
    Verdict,
)
from factory.pipeline import Prepared, _works, prepare
from factory.publish import outranking
from factory.settings import Settings

if TYPE_CHECKING:
    from factory.workshop import Workshop

BUILD = "demo:2.60.0-py311-cpu"
AT = "2026-11-21T08:29:00+00:00"
MAIN = "images/demo/app/main.py"


@pytest.fixture
def settings(tree: Path) -> Settings:
    return Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(tree / "home")})


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings.state / "ledger.sqlite") as opened:
        yield opened


class World:
    """A project at one point of its life."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self.prepared: Prepared = prepare(settings, Selection(only=(BUILD,)))
        self.history = History(
            plan=self.prepared.plan, contents=self.prepared.contents, ledger=ledger
        )
        self.ledger = ledger

    @property
    def planned(self) -> PlannedBuild:
        (found,) = self.prepared.plan.builds
        return found

    @property
    def built(self) -> Built:
        return Built(
            key=self.planned.key,
            ref="r",
            image_id="i",
            config_digest=f"sha256:{self.planned.key}",
            substituted_base=True,
            reason="",
            at=AT,
            seconds=1.0,
        )

    def make(self) -> None:
        """Record all steps with what they are made of."""
        for key in self.planned.steps:
            step = self.prepared.plan.steps[key]
            self.history.record(step, replace(self.built, key=key))

    def verdict(self, seconds: float, status: Status = Status.PASS) -> Verdict:
        timing = Timing(seconds=seconds, runs=(seconds,), budget=15)
        check = Check(name=COLD_START, status=CheckStatus(status.value), timing=timing)
        return Verdict(
            gate=Gate.COLD_START,
            config_digest=self.built.config_digest,
            basis="b",
            status=status,
            checks=(check,),
        )

    def publish(self) -> None:
        self.ledger.record_publication(
            Publication(
                build_id=BUILD,
                key=self.planned.key,
                target="local",
                repository="r",
                immutable=self.planned.immutable,
                floating=(),
                manifest_digest="m",
                config_digest=self.built.config_digest,
                at=AT,
            )
        )

    def found(self, seconds: float) -> ColdStart:
        return cold_start(self.history, self.planned, self.verdict(seconds))


def edited(settings: Settings) -> None:
    with (settings.root / MAIN).open("a") as file:
        file.write("# slower\n")


def test_the_last_release_is_there_with_its_figure_and_what_changed(
    settings: Settings, ledger: Ledger
) -> None:
    before = World(settings, ledger)
    before.make()
    ledger.record_verdict(before.verdict(4.0))
    before.publish()
    edited(settings)
    now = World(settings, ledger)
    found = now.found(9.0)
    assert found.full
    assert found.full.seconds == 9.0
    assert found.release
    assert found.release.full == Timing(seconds=4.0, runs=(4.0,), budget=15)
    assert found.release.tag == before.planned.immutable
    assert (found.changed, found.known) == ((f"{MAIN} changed",), True)


def test_it_is_the_same_after_this_image_was_published_too(
    settings: Settings, ledger: Ledger
) -> None:
    before = World(settings, ledger)
    before.make()
    before.publish()
    edited(settings)
    now = World(settings, ledger)
    now.publish()
    found = now.found(9.0)
    assert found.release
    assert found.release.tag == before.planned.immutable
    assert found.release.full is None, "it was never measured"


def test_without_another_release_there_is_none(settings: Settings, ledger: Ledger) -> None:
    now = World(settings, ledger)
    now.publish()
    found = now.found(9.0)
    assert (found.release, found.changed) == (None, ())
    assert found == measured(BUILD, now.verdict(9.0))
    assert last_release([], other_than="x") is None


def test_of_a_release_that_was_not_made_here_it_is_not_told_what_changed(
    settings: Settings, ledger: Ledger
) -> None:
    World(settings, ledger).publish()
    edited(settings)
    found = World(settings, ledger).found(9.0)
    assert (found.known, found.changed) == (False, ())


def test_a_slow_start_says_nothing_of_what_publishing_wants(
    settings: Settings, ledger: Ledger
) -> None:
    now = World(settings, ledger)
    now.make()
    ledger.record_verdict(now.verdict(99.0, Status.FAIL))
    image = now.built.config_digest
    assert ledger.latest_verdict(Gate.VERIFY, image) is None
    assert ledger.verdicts_of(Gate.VERIFY, image) == []
    assert outranking(now.verdict(1.0), []).gate is Gate.COLD_START


def test_a_build_is_held_to_the_budget_and_brings_no_checks_of_its_own(
    settings: Settings, ledger: Ledger
) -> None:
    file = settings.root / "matrix.yaml"
    file.write_text(file.read_text() + "verify: {cold_start: {full: 15}}\n")
    now = World(settings, ledger)
    project = now.prepared.asking(COLD_SUITE).project
    request = request_of(settings, project, now.planned, now.built, gpus=False)
    assert (request.cold, request.budget, request.own_checks) == (True, Budget(full=15), ())
    ((_, parts),) = possible_parts(settings, project, now.planned, now.built, Gate.COLD_START)
    assert parts["budget"] == {"full": 15.0, "throttled": None}
    assert known_suite(COLD_SUITE) == COLD_SUITE


def test_pairs_are_not_asked(settings: Settings, ledger: Ledger) -> None:
    """And a build is, in a lane of its own, with nothing beside it."""
    planned = World(settings, ledger).planned
    pair = Pair(cohort="mixed", head=planned.build, workers=planned.build)
    plan = replace(World(settings, ledger).prepared.plan, pairs=(pair,))
    project = World(settings, ledger).prepared.project
    for cold, verified in ((True, [BUILD]), (False, [BUILD, pair.id])):
        stub = SimpleNamespace(
            plan=plan,
            project=project,
            judges=SimpleNamespace(cold=cold, scan=print, verify=print),
            pairs=SimpleNamespace(verify=print, refuse=print),
        )
        works = list(_works(cast("Workshop", stub), ("verify",)))
        assert [work.subject for work in works] == verified
        assert works[0].lane == ("coldstart" if cold else "verify")
