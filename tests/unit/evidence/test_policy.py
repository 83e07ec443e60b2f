"""An audit is closed unless every gate satisfies the terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from factory.evidence.policy import judge
from factory.model import Audit, Check, CheckStatus, Gate, Piece, Status, Terms, Verdict
from tests.unit.evidence.test_statement import RECORD, SUBJECT

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PASSED = Verdict(
    gate=Gate.SCAN,
    config_digest=SUBJECT.config_digest,
    basis="b",
    status=Status.PASS,
    checks=(Check(name="secrets", status=CheckStatus.PASS),),
)


def piece(verdict: Verdict, *, days: int = 1, signer: str = "", about: str = "") -> Piece:
    at = (NOW - timedelta(days=days)).isoformat()
    return Piece(
        about=about or verdict.gate.value,
        at=at,
        verdict=replace(verdict, at=at),
        signer=signer,
        signed=bool(signer),
    )


SCAN, VERIFY = piece(PASSED), piece(replace(PASSED, gate=Gate.VERIFY))
BUILD = Piece(about="build", record=RECORD)
SBOM = Piece(about="sbom", components=3)
FAILED = replace(
    PASSED,
    status=Status.FAIL,
    checks=(Check(name="secrets", status=CheckStatus.FAIL, reason="1 secret"),),
)
PARTIAL = replace(PASSED, status=Status.PARTIAL, partial=("no NVIDIA runtime",))


def audited(*pieces: Piece, terms: Terms | None = None) -> Audit:
    return judge("r", SUBJECT, pieces, (), terms or Terms(), NOW)


def test_an_image_with_everything_is_well() -> None:
    found = audited(SCAN, VERIFY, BUILD, SBOM)
    assert (found.refusals, found.missing, found.ignored) == ((), (), ())
    assert [one.about for one in found.pieces] == ["scan", "verify", "build", "sbom"]


def test_an_image_of_others_is_told_what_it_lacks() -> None:
    found = audited()
    assert found.missing == ("scan", "verify", "build", "sbom")
    assert "there is no scan verdict" in found.refusals


def test_a_bill_of_materials_is_no_gate() -> None:
    found = audited(SCAN, VERIFY, BUILD)
    assert (found.missing, found.refusals) == (("sbom",), ())


@pytest.mark.parametrize("gone", [SCAN, VERIFY, BUILD])
def test_each_gate_and_the_record_are_needed(gone: Piece) -> None:
    found = audited(*(one for one in (SCAN, VERIFY, BUILD) if one is not gone))
    assert [gone.about in reason for reason in found.refusals] == [True]


def test_a_failure_refuses_with_its_check() -> None:
    found = audited(piece(FAILED), VERIFY, BUILD)
    assert found.refusals == ("scan failed", "scan: check `secrets` failed: 1 secret")


@pytest.mark.parametrize(
    "verdict",
    [
        replace(PASSED, checks=()),
        replace(PASSED, checks=(Check(name="x", status=CheckStatus.SKIPPED),)),
        replace(PASSED, status=Status.PARTIAL),
    ],
)
def test_a_pass_that_is_none_refuses(verdict: Verdict) -> None:
    assert audited(piece(verdict), VERIFY, BUILD).refusals


def test_a_partial_reason_has_to_be_accepted_by_name() -> None:
    found = audited(SCAN, piece(replace(PARTIAL, gate=Gate.VERIFY)), BUILD)
    assert found.refusals == ("verify: not accepted: no NVIDIA runtime",)
    assert found.partial == ("no NVIDIA runtime",)
    accepting = Terms(accept=frozenset({"no NVIDIA runtime"}))
    assert not audited(*found.pieces, terms=accepting).refusals


def test_a_substituted_base_has_to_be_accepted_by_name() -> None:
    record = replace(BUILD, record=replace(RECORD, substituted_base=True))
    assert audited(SCAN, VERIFY, record).refusals == ("not accepted: substituted base",)
    accepting = Terms(accept=frozenset({"substituted base"}))
    assert not audited(SCAN, VERIFY, record, terms=accepting).refusals


def test_the_newest_of_a_gate_counts() -> None:
    old_failure = piece(FAILED, days=3)
    found = audited(old_failure, SCAN, VERIFY, BUILD)
    assert not found.refusals
    assert [one.why for one in found.ignored] == ["a newer one is there"]
    assert audited(piece(FAILED, days=0), SCAN, VERIFY, BUILD).refusals


def test_of_two_verdicts_of_one_moment_the_failure_counts() -> None:
    assert audited(piece(FAILED), SCAN, VERIFY, BUILD).refusals
    assert audited(SCAN, piece(FAILED), VERIFY, BUILD).refusals


def test_time_is_told_by_the_clock_and_not_by_the_letters() -> None:
    early = replace(SCAN, at="2026-11-29T01:00:00+02:00")
    late = replace(piece(FAILED), at="2026-11-29T00:30:00+00:00")
    assert "scan failed" in audited(early, late, VERIFY, BUILD).refusals


def test_what_has_expired_counts_for_nothing() -> None:
    found = audited(piece(PASSED, days=9), VERIFY, BUILD, terms=Terms(max_age_days=7))
    assert found.refusals == (
        "there is no scan verdict that counts: expired: it is 9 days old, and 7 are allowed",
    )


@pytest.mark.parametrize(
    "at", ["", "yesterday", "2026-11-28T12:00:00", "2026-12-24T12:00:00+00:00"]
)
def test_a_verdict_of_no_day_or_one_to_come_counts_for_nothing(at: str) -> None:
    assert audited(replace(SCAN, at=at), VERIFY, BUILD).refusals


def test_where_a_key_is_asked_for_the_unsigned_counts_for_nothing() -> None:
    whole = [replace(one, signer="k.pub", signed=True) for one in (SCAN, VERIFY, BUILD)]
    terms = Terms(signed=True)
    assert not audited(*whole, terms=terms).refusals
    assert audited(SCAN, *whole[1:], terms=terms).refusals == (
        "there is no scan verdict that counts: it is not signed",
    )


def test_what_is_unsigned_does_not_stand_in_the_way_of_what_is() -> None:
    whole = [replace(one, signer="k.pub", signed=True) for one in (SCAN, VERIFY, BUILD)]
    found = audited(piece(FAILED, days=0), *whole, terms=Terms(signed=True))
    assert (found.refusals, len(found.ignored)) == ((), 1)


def test_a_targets_own_verdict_counts_there_alone() -> None:
    own = piece(replace(FAILED, target="prod"), about="scan at prod")
    assert not audited(SCAN, VERIFY, BUILD, own).refusals
    assert audited(SCAN, VERIFY, BUILD, own, terms=Terms(target="prod")).refusals


def test_a_failure_together_with_others_refuses() -> None:
    pair = piece(replace(FAILED, gate=Gate.VERIFY), about="verify with others (123)")
    assert audited(SCAN, VERIFY, BUILD, pair).refusals


def test_a_target_with_a_scan_policy_of_its_own_wants_a_verdict_by_that() -> None:
    """That by everybody's policy, which may be the laxer one, does not stand in for it."""
    terms = Terms(target="prod", own_scan=True)
    found = audited(SCAN, VERIFY, BUILD, SBOM, terms=terms)
    assert found.refusals == ("there is no scan at prod verdict",)
    by_others = piece(replace(PASSED, target="staging"), about="scan at staging")
    assert audited(SCAN, VERIFY, BUILD, by_others, terms=terms).refusals
    own = piece(replace(PASSED, target="prod"), about="scan at prod")
    assert audited(SCAN, VERIFY, BUILD, own, terms=terms).refusals == ()
    failed = piece(replace(FAILED, target="prod"), about="scan at prod")
    assert audited(SCAN, VERIFY, BUILD, failed, terms=terms).refusals[0] == "scan at prod failed"


@pytest.mark.parametrize(
    ("about", "days", "refused"),
    [
        ("scan", 2, False),
        ("scan", 1, True),
        ("scan", 0, True),
        ("scan at prod", 2, True),
        ("unknown", 9, True),
    ],
)
def test_what_nobody_read_refuses_unless_it_is_older_than_what_counts(
    about: str, days: int, *, refused: bool
) -> None:
    unread = replace(piece(PASSED, days=days, about=about), verdict=None)
    pieces = (SCAN, VERIFY, BUILD, SBOM)
    found = judge("r", SUBJECT, pieces, (), Terms(), NOW, [unread])
    assert (bool(found.refusals), found.unread) == (refused, 1)
    assert not refused or "1 more documents about this image were not read" in found.refusals[0]
