"""An image made by hand has names of its own, and never a whole verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory.adopting import by_hand
from factory.model import (
    BY_HAND,
    AdoptingTarget,
    Build,
    Built,
    Cell,
    Check,
    CheckStatus,
    Gate,
    PlannedBuild,
    Status,
    Target,
    Verdict,
)
from factory.publish import refusals

CELL = Cell(python="3.11", ray="2.60.0", device="cpu")
PLANNED = PlannedBuild(
    build=Build(image="demo", cell=CELL),
    steps=("a" * 64,),
    immutable=f"{CELL.id}-aaaaaaaaaaaa",
    floating=(CELL.id, "latest"),
)
TARGET = Target(name="local", registry="127.0.0.1:5000/team")
PASSED = Verdict(
    gate=Gate.VERIFY,
    config_digest="sha256:" + "c" * 64,
    basis="b",
    status=Status.PASS,
    checks=(Check(name="boot", status=CheckStatus.PASS),),
)


def test_its_tags_show_where_it_comes_from_and_are_none_of_the_cells() -> None:
    names = AdoptingTarget.of(TARGET, PASSED.config_digest).names(PLANNED)
    own = TARGET.names(PLANNED)
    assert names.repository == own.repository
    assert names.immutable == "2.60.0-py311-cpu-adopted-cccccccccccc"
    assert names.floating == ("2.60.0-py311-cpu-adopted",)
    assert not {names.immutable, *names.floating} & {own.immutable, *own.floating}


def test_a_pass_becomes_partial_for_a_reason_that_a_target_has_to_accept() -> None:
    verdict = by_hand(PASSED)
    assert (verdict.status, verdict.partial) == (Status.PARTIAL, (BY_HAND,))
    assert by_hand(replace(PASSED, status=Status.PARTIAL, partial=("why",))).partial == (
        "why",
        BY_HAND,
    )


def test_a_failure_stays_one() -> None:
    failed = replace(PASSED, status=Status.FAIL)
    assert by_hand(failed) == failed


@pytest.mark.parametrize("accepts", [True, False])
def test_the_gate_of_publishing_goes_by_that_reason(accepts: bool) -> None:
    built = Built(
        key=PLANNED.key, ref="r", image_id="i", config_digest=PASSED.config_digest,
        substituted_base=False, reason=BY_HAND, at="", seconds=0.0,
    )  # fmt: skip  # what matters is its digest
    target = replace(TARGET, accept=frozenset({BY_HAND} if accepts else ()))
    verdicts = [replace(PASSED, gate=Gate.SCAN), by_hand(PASSED)]
    found = refusals(PLANNED, built, verdicts, target, joints=())
    wanted = () if accepts else (f"`local` does not accept from verify: {BY_HAND}",)
    assert found == wanted
