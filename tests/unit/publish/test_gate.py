"""The gate is closed unless everything needed is there: examples by name, then a property."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.model import (
    NO_DATABASE,
    NO_RUNTIME,
    REQUIRED,
    SUBSTITUTED_BASE,
    Build,
    Built,
    Cell,
    Check,
    CheckStatus,
    Gate,
    Joint,
    PlannedBuild,
    Status,
    Target,
    Verdict,
    pair_digest,
)
from factory.publish.gate import refusals, remedy

PLANNED = PlannedBuild(
    build=Build(image="ray-app", cell=Cell(python="3.11", ray="2.60.0", device="cpu")),
    steps=("a" * 64, "b" * 64),
    immutable="2.60.0-py311-cpu-bbbbbbbbbbbb",
    floating=("2.60.0-py311-cpu",),
)
BUILT = Built(
    key=PLANNED.key,
    ref="factory.invalid/ray-app:bbbbbbbbbbbb",
    image_id="sha256:1",
    config_digest="sha256:" + "1" * 64,
    substituted_base=False,
    reason="",
    at="",
    seconds=0.0,
)
PASSED = (Check(name="square", status=CheckStatus.PASS),)
SCAN = Verdict(
    gate=Gate.SCAN,
    config_digest=BUILT.config_digest,
    basis="b",
    status=Status.PASS,
    checks=PASSED,
)
VERIFY = replace(SCAN, gate=Gate.VERIFY)
BOTH = (SCAN, VERIFY)
STRICT = Target(name="hub", registry="registry.example/team")
LENIENT = replace(STRICT, accept=frozenset({NO_DATABASE, SUBSTITUTED_BASE}))
NO_DB = replace(SCAN, status=Status.PARTIAL, partial=(NO_DATABASE,))


def refused(
    *verdicts: Verdict,
    built: Built = BUILT,
    target: Target = STRICT,
    planned: PlannedBuild = PLANNED,
    joints: Iterable[Joint] = (),
) -> str:
    return "\n".join(refusals(planned, built, verdicts, target, joints=joints))


def test_only_a_target_that_wants_a_clean_checkout_refuses_another() -> None:
    clean = replace(STRICT, require_clean=True)
    why = "app/main.py is not committed"
    assert refusals(PLANNED, BUILT, BOTH, STRICT, joints=(), unclean=why) == ()
    assert refusals(PLANNED, BUILT, BOTH, clean, joints=()) == ()
    assert refusals(PLANNED, BUILT, BOTH, clean, joints=(), unclean=why) == (
        "`hub` wants a clean git checkout: app/main.py is not committed",
    )


@pytest.mark.parametrize(
    ("reasons", "unclean", "todo"),
    [
        (("dirty",), "dirty", "commit"),
        (("failed",), "", "judge"),
        (("dirty", "failed"), "dirty", "commit; judge"),
    ],
)
def test_what_is_not_committed_is_no_gates_to_pass(
    reasons: tuple[str, ...], unclean: str, todo: str
) -> None:
    assert remedy(reasons, unclean=unclean, commit="commit", judge="judge") == todo


def test_both_gates_passed_on_this_image_is_let_through() -> None:
    assert refused(*BOTH) == ""


def test_a_missing_verdict_is_refused_by_the_name_of_its_gate() -> None:
    assert refused(VERIFY) == "there is no scan verdict"
    assert refused(SCAN) == "there is no verify verdict"
    assert refused().count("there is no") == 2


def test_a_failed_gate_is_refused_with_its_failed_checks() -> None:
    broken = (Check(name="jobs-api", status=CheckStatus.FAIL, reason="no answer"),)
    said = refused(SCAN, replace(VERIFY, status=Status.FAIL, checks=broken))
    assert "verify failed" in said
    assert "`jobs-api` failed: no answer" in said


def test_a_verdict_on_another_image_is_refused() -> None:
    assert "judged another image" in refused(SCAN, replace(VERIFY, config_digest="sha256:other"))


def test_an_acceptable_verdict_does_not_hide_a_failed_one_of_the_same_gate() -> None:
    assert "scan failed" in refused(*BOTH, replace(SCAN, basis="c", status=Status.FAIL))


def test_a_partial_verdict_passes_only_where_each_reason_is_accepted() -> None:
    assert NO_DATABASE in refused(NO_DB, VERIFY)
    assert refused(NO_DB, VERIFY, target=LENIENT) == ""
    more = replace(NO_DB, partial=(NO_DATABASE, "no NVIDIA runtime"))
    assert "no NVIDIA runtime" in refused(more, VERIFY, target=LENIENT)


def test_a_partial_verdict_without_a_reason_is_refused() -> None:
    assert "does not name" in refused(replace(NO_DB, partial=()), VERIFY, target=LENIENT)


def test_a_substituted_base_passes_only_where_it_is_accepted() -> None:
    substituted = replace(BUILT, substituted_base=True)
    assert SUBSTITUTED_BASE in refused(*BOTH, built=substituted)
    assert refused(*BOTH, built=substituted, target=LENIENT) == ""


def test_a_passed_verdict_that_skipped_something_is_refused() -> None:
    skipped = (*PASSED, Check(name="gpu", status=CheckStatus.SKIPPED, reason="no runtime"))
    assert "`gpu` did not" in refused(SCAN, replace(VERIFY, checks=skipped))


def test_a_verdict_that_looked_at_nothing_is_refused() -> None:
    assert "looked at nothing" in refused(SCAN, replace(VERIFY, checks=()))


def test_an_image_of_another_key_is_refused() -> None:
    assert "has key" in refused(*BOTH, built=replace(BUILT, key="c" * 64))


# ----------------------------------------------------------------- together with others

OTHER = "sha256:" + "9" * 64
TOGETHER = replace(
    VERIFY,
    config_digest=pair_digest(OTHER, BUILT.config_digest),
    images=(OTHER, BUILT.config_digest),
)
PAIR = Joint(subject="the pair", images=(OTHER, BUILT.config_digest), verdict=TOGETHER)


def test_a_pair_that_passed_lets_a_build_through() -> None:
    assert refused(*BOTH, joints=[PAIR]) == ""


def test_a_pair_without_a_verdict_refuses_a_build_and_says_why() -> None:
    assert refused(*BOTH, joints=[replace(PAIR, verdict=None)]) == (
        "the pair: there is no verify verdict"
    )
    refusal = replace(PAIR, verdict=None, why="it is refused: Ray differs")
    assert refused(*BOTH, joints=[refusal]) == "the pair: it is refused: Ray differs"
    assert "it is refused" in refused(*BOTH, joints=[replace(refusal, verdict=TOGETHER)])


def test_a_pair_that_failed_refuses_a_build_with_the_check() -> None:
    broken = (Check(name="boot", status=CheckStatus.FAIL, reason="it died"),)
    failed = replace(TOGETHER, status=Status.FAIL, checks=broken)
    said = refused(*BOTH, joints=[replace(PAIR, verdict=failed)])
    assert "the pair: verify check `boot` failed: it died" in said


def test_a_partial_pair_passes_only_where_its_reason_is_accepted() -> None:
    skipped = (*PASSED, Check(name="cuda-device", status=CheckStatus.SKIPPED, reason=NO_RUNTIME))
    partial = replace(TOGETHER, status=Status.PARTIAL, partial=(NO_RUNTIME,), checks=skipped)
    joints = [replace(PAIR, verdict=partial)]
    assert f"the pair: `hub` does not accept from verify: {NO_RUNTIME}" in refused(
        *BOTH, joints=joints
    )
    accepting = replace(STRICT, accept=frozenset({NO_RUNTIME}))
    assert refused(*BOTH, joints=joints, target=accepting) == ""


@pytest.mark.parametrize(
    "joint",
    [
        replace(PAIR, images=(BUILT.config_digest, OTHER)),
        replace(PAIR, images=(OTHER, "sha256:" + "8" * 64)),
        replace(PAIR, verdict=replace(TOGETHER, images=())),
        replace(PAIR, verdict=replace(TOGETHER, config_digest=BUILT.config_digest)),
        replace(PAIR, verdict=replace(TOGETHER, gate=Gate.SCAN)),
        replace(PAIR, verdict=VERIFY),
        replace(PAIR, images=None),
    ],
    ids=["swapped", "another now", "of none", "of one", "of another gate", "its own", "unknown"],
)
def test_a_verdict_on_other_images_refuses_a_build(joint: Joint) -> None:
    assert "the pair: other images were judged" in refused(*BOTH, joints=[joint])


def test_a_pair_of_two_other_images_says_nothing_of_this_one() -> None:
    others = (OTHER, "sha256:" + "8" * 64)
    verdict = replace(TOGETHER, images=others, config_digest=pair_digest(*others))
    joint = Joint(subject="the pair", images=others, verdict=verdict)
    assert "other images were judged" in refused(*BOTH, joints=[joint])


checks = st.lists(
    st.builds(Check, name=st.sampled_from("abc"), status=st.sampled_from(CheckStatus)), max_size=3
).map(tuple)
reasons = st.lists(
    st.sampled_from((NO_DATABASE, "no NVIDIA runtime", SUBSTITUTED_BASE)), max_size=2
)
digests = st.sampled_from((BUILT.config_digest, "sha256:" + "2" * 64))
verdicts = st.lists(
    st.builds(
        Verdict,
        gate=st.sampled_from(Gate),
        config_digest=digests,
        basis=st.sampled_from("xy"),
        status=st.sampled_from(Status),
        partial=reasons.map(tuple),
        checks=checks,
    ),
    max_size=4,
)
builts = st.builds(
    replace,
    st.just(BUILT),
    substituted_base=st.booleans(),
    config_digest=st.one_of(st.just(""), digests),
    key=st.sampled_from((PLANNED.key, "c" * 64)),
)
targets = st.builds(replace, st.just(STRICT), accept=reasons.map(frozenset))


@given(verdicts, builts, targets)
def test_what_is_let_through_satisfies_every_rule(
    given: list[Verdict], built: Built, target: Target
) -> None:
    if refusals(PLANNED, built, given, target, joints=()):
        return
    assert built.key == PLANNED.key
    assert not built.substituted_base or SUBSTITUTED_BASE in target.accept
    assert {verdict.gate for verdict in given} == set(Gate)
    for verdict in given:
        assert verdict.config_digest == built.config_digest
        assert verdict.status is not Status.FAIL
        assert set(verdict.partial) <= target.accept
        assert verdict.checks
        states = {check.status for check in verdict.checks}
        assert CheckStatus.FAIL not in states
        assert verdict.status is Status.PARTIAL or states == {CheckStatus.PASS}
        assert verdict.status is Status.PASS or verdict.partial


@given(verdicts, st.sampled_from(BOTH))
def test_taking_a_needed_verdict_away_always_closes_the_gate(
    others: list[Verdict], kept: Verdict
) -> None:
    without = [verdict for verdict in others if verdict.gate == kept.gate]
    assert refusals(PLANNED, BUILT, [kept, *without], LENIENT, joints=())


def test_how_fast_workers_start_stands_in_for_no_verdict() -> None:
    cold = replace(VERIFY, gate=Gate.COLD_START)
    assert "there is no verify verdict" in refused(SCAN, cold)


@pytest.mark.parametrize("status", [Status.FAIL, Status.PARTIAL])
@pytest.mark.parametrize("gate", REQUIRED)
def test_no_other_status_passes_a_strict_target(gate: Gate, status: Status) -> None:
    given = [replace(one, status=status) if one.gate is gate else one for one in BOTH]
    assert refused(*given)
