"""Faults between a publisher and a real registry: a telling part of `invoke soak publish`."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.distribution import distribution
from benchmarks.faults import disk, engine_host, family, house, restarts, trial
from benchmarks.faults.cases import Case, Kind, Position, cases
from benchmarks.faults.house import NEW, OLD, Attempt, House, planned
from benchmarks.faults.killed import killed_everywhere
from benchmarks.faults.rules import Fault
from benchmarks.faults.vouched import EARLY
from factory import process
from factory.publishing import Publishing
from factory.registry import Copier, Manifest

pytestmark = pytest.mark.engine

TELLING = {
    "publish, open registry: 429 with Retry-After, a floating tag is written",
    "publish, open registry: 502, a blob is begun",
    "publish, open registry: 503, the immutable tag is written",
    "publish, open registry: connection reset, a blob is sent",
    "publish, open registry: wrong digest, a blob is sent",
    "publish, open registry: truncated answer, the manifest is read back",
    "publish, open registry: wrong digest, the manifest is read back",
    "publish, registry with a password: 401, a blob is sent",
    "publish, registry with a password: stall, then hang-up, the immutable tag is written",
    "promote, between two registries: truncated answer, a blob is read at the source",
    "promote, between two registries: wrong digest, a blob is read at the source",
    "promote, between two registries: connection reset, a blob is sent",
    "promote, within one registry: 500, a blob is begun",
    "promote, within one registry: 429, a floating tag is written",
    "publish with evidence, listed under a tag: truncated answer, a piece of evidence is sent",
    "publish with evidence, listed under a tag: wrong digest, a piece of evidence is written",
    "publish with evidence, listed under a tag: 500, the list of evidence is written",
    "publish with evidence, listed by the registry: connection reset, a piece of evidence is sent",
    "publish with evidence, listed by the registry: 429, a piece of evidence is written",
}
LASTING = "promote, between two registries: 503 for ever, a floating tag is written"
CHOSEN = [case for case in cases() if case.name in TELLING]
PLAIN = Case(
    kind=Kind.WITHIN,
    position=Position(name="anywhere", method="HEAD", path="/manifests/"),
    fault=Fault.THROTTLED,
)
VOUCHED = replace(PLAIN, kind=Kind.TAGGED)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house.house(tmp_path_factory.mktemp("faults")) as found:
        yield found


def test_all_that_is_to_be_tried_is_among_the_cases() -> None:
    assert {case.name for case in CHOSEN} == TELLING


@pytest.mark.parametrize("at", range(len(CHOSEN)), ids=lambda at: CHOSEN[at].name)
def test_a_fault_costs_a_retry_or_an_error_and_nothing_else(place: House, at: int) -> None:
    found = trial.tried(place, CHOSEN[at], at)
    assert found.wrong == ()
    assert found.struck
    assert found.looks > 1


def test_a_fault_that_lasts_ends_in_an_error_with_a_next_step(place: House) -> None:
    [case] = [one for one in cases() if one.name == LASTING]
    found = trial.tried(place, case, 100)
    assert (found.ended, found.wrong) == ("explained", ())


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_full_disk_moves_no_tag_and_is_got_over_when_there_is_room(place: House) -> None:
    found = disk.full_disk(place, Kind.BETWEEN, 32)
    assert (found.ended, found.wrong) == ("explained", ())


@pytest.mark.skipif(not engine_host.is_possible(), reason="an engine of its own takes root")
def test_an_engine_that_is_restarted_in_mid_push_goes_on(place: House) -> None:
    [name] = [one for one in restarts.names() if one.endswith("a blob is sent")]
    found = restarts.restarted(place, name)
    assert (found.ended, found.wrong) == ("done", ())
    assert found.struck


PLANTED = secrets.token_hex(8)
"""A secret of this test's own: another run on this machine must not take it for one of its."""


class Cheat:
    """Publishers that do what must never happen, for the trial to see."""

    @staticmethod
    def floats_something_unjudged(attempt: Attempt) -> None:
        client, at = house.registry(), f"{attempt.host}/team/{attempt.image}"
        judged = client.require(at, planned(attempt.image, OLD).immutable)
        foreign = Manifest(content=judged.content + b"\n", media_type=judged.media_type)
        client.put(at, "latest", foreign)
        time.sleep(1)  # for the bystander to look, on a busy machine too
        attempt.promote()

    @staticmethod
    def rewrites_an_immutable_tag(attempt: Attempt) -> None:
        client, at = house.registry(), f"{attempt.host}/team/{attempt.image}"
        attempt.promote()
        new = client.require(at, "latest")
        client.put(at, planned(attempt.image, OLD).immutable, new)

    @staticmethod
    def tells_a_secret_in_a_command_line(attempt: Attempt) -> None:
        attempt.promote()
        process.run(["sh", "-c", "sleep 1", PLANTED])

    @staticmethod
    def moves_only_one_of_the_tags(attempt: Attempt) -> None:
        client, at = house.registry(), f"{attempt.host}/team/{attempt.image}"
        new = client.require(f"{attempt.host}/staging/{attempt.image}", "latest")
        source = f"{attempt.host}/staging/{attempt.image}"
        Copier(client).image(source, at, new, planned(attempt.image, NEW).immutable)
        client.put(at, "latest", new)


TELLING_STEPS = ("send", "put", "note")


def telling(names: list[str]) -> list[int]:
    """Before the last piece of evidence is sent, before the list of it is written, and before what
    was attached is remembered."""
    attached = names[: len(names) - names[::-1].index("note")]
    return [len(attached) - attached[::-1].index(name) for name in TELLING_STEPS]


def test_a_kill_while_evidence_is_attached_leaves_nothing_that_a_resume_does_not_mend(
    tmp_path: Path,
) -> None:
    (tmp_path / "work").mkdir()
    with distribution(tmp_path / "registry") as host:
        found = killed_everywhere(tmp_path / "work", host, steps=telling, twice=False)
    assert [one.step[1] for one in found] == list(TELLING_STEPS)
    assert [one.faults for one in found] == [(), (), ()]


def attach_later(monkeypatch: pytest.MonkeyPatch, shop: Publishing) -> None:
    """As a publisher would who moves tags first."""
    later: list[Callable[[], None]] = []
    evidence, move = shop.evidence, shop.move
    assert evidence

    def attach(*what: Any, **how: Any) -> None:
        later.append(lambda: evidence(*what, **how))

    def moving(*what: Any) -> Any:
        moved = move(*what)
        for one in later:
            one()
        return moved

    monkeypatch.setattr(shop, "evidence", attach)
    monkeypatch.setattr(shop, "move", moving)


def attach_never(monkeypatch: pytest.MonkeyPatch, shop: Publishing) -> None:
    monkeypatch.setattr(shop, "evidence", None)


@pytest.mark.parametrize(
    ("cheat", "wrong"),
    [(attach_later, {EARLY}), (attach_never, {EARLY, "the evidence differs"})],
)
def test_tags_that_move_before_evidence_is_there_are_seen(
    place: House,
    monkeypatch: pytest.MonkeyPatch,
    cheat: Callable[[pytest.MonkeyPatch, Publishing], None],
    wrong: set[str],
) -> None:
    publish = family.publish

    def cheating(shop: Publishing) -> None:
        if "/plain" not in shop.targets[0].registry:
            cheat(monkeypatch, shop)
        publish(shop)

    monkeypatch.setattr(family, "publish", cheating)
    found = trial.tried(place, VOUCHED, 300 + len(wrong))
    assert set(found.wrong) == wrong


@pytest.mark.parametrize(
    ("cheat", "noticed"),
    [
        ("floats_something_unjudged", "latest named sha256:"),
        ("rewrites_an_immutable_tag", "the end state differs"),
        ("tells_a_secret_in_a_command_line", "a secret in"),
        ("moves_only_one_of_the_tags", "the end state differs"),
    ],
)
def test_what_must_never_happen_is_seen_where_it_happens(
    place: House, monkeypatch: pytest.MonkeyPatch, cheat: str, noticed: str
) -> None:
    monkeypatch.setattr(trial, "SECRETS", (PLANTED,))
    monkeypatch.setattr(Attempt, "run", getattr(Cheat, cheat))
    found = trial.tried(place, PLAIN, 200 + len(cheat))
    assert any(told.startswith(noticed) for told in found.wrong), found
