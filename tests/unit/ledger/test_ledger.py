"""What is recorded is read back as it was, however many read and write."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from factory.ledger import Ledger
from factory.model import (
    NO_DATABASE,
    Built,
    Check,
    CheckStatus,
    Gate,
    PairRecord,
    Publication,
    Record,
    Status,
    Verdict,
    pair_digest,
)

BUILT = Built(
    key="a" * 64,
    ref="factory.invalid/ray-app:aaaaaaaaaaaa",
    image_id="sha256:1",
    config_digest="sha256:" + "1" * 64,
    substituted_base=True,
    reason="never built here",
    at="2026-01-01T00:00:00+00:00",
    seconds=12.5,
)
SCAN = Verdict(
    gate=Gate.SCAN,
    config_digest=BUILT.config_digest,
    basis="sha256:basis-1",
    status=Status.PARTIAL,
    partial=(NO_DATABASE,),
    checks=(
        Check(name="secrets", status=CheckStatus.PASS, seconds=0.5),
        Check(
            name="vulnerabilities",
            status=CheckStatus.SKIPPED,
            reason=NO_DATABASE,
            detail=("line with 'quotes' and \u2028 …", ""),
        ),
    ),
    seconds=1.25,
    at="2026-01-01T00:00:01+00:00",
)
VERIFY = replace(SCAN, gate=Gate.VERIFY, status=Status.PASS, partial=(), checks=SCAN.checks[:1])
PUBLISHED = Publication(
    build_id="ray-app:2.60.0-py311-cpu",
    key=BUILT.key,
    target="local",
    repository="127.0.0.1:5000/ray-app",
    immutable="2.60.0-py311-cpu-aaaaaaaaaaaa",
    floating=("2.60.0-py311-cpu", "latest"),
    manifest_digest="sha256:" + "2" * 64,
    config_digest=BUILT.config_digest,
    at="2026-01-01T00:00:02+00:00",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".factory" / "ledger.sqlite"


def test_an_empty_ledger_knows_nothing(path: Path) -> None:
    with Ledger.open(path) as ledger:
        assert ledger.built(BUILT.key) is None
        assert ledger.verdict(Gate.SCAN, BUILT.config_digest, "b") is None
        assert ledger.latest_verdict(Gate.SCAN, BUILT.config_digest) is None
        assert ledger.publication("x", "y") is None
        assert ledger.records() == ()


def test_records_come_back_equal_after_reopening(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.record_built(BUILT)
        ledger.record_verdict(SCAN)
        ledger.record_publication(PUBLISHED)
    with Ledger.open(path) as ledger:
        assert ledger.built(BUILT.key) == BUILT
        assert ledger.all_built() == {BUILT.key: BUILT}
        assert ledger.verdict(Gate.SCAN, SCAN.config_digest, SCAN.basis) == SCAN
        assert ledger.verdicts() == {(Gate.SCAN, SCAN.config_digest, SCAN.basis): SCAN}
        assert ledger.publication(PUBLISHED.build_id, "local") == PUBLISHED
        assert ledger.publications() == {(PUBLISHED.build_id, "local"): PUBLISHED}


def test_a_verdict_is_found_on_its_own_basis_gate_and_image_only(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.record_verdict(SCAN)
        assert ledger.verdict(Gate.SCAN, SCAN.config_digest, "sha256:other") is None
        assert ledger.verdict(Gate.VERIFY, SCAN.config_digest, SCAN.basis) is None
        assert ledger.verdict(Gate.SCAN, "sha256:other", SCAN.basis) is None


def test_the_latest_verdict_is_the_one_recorded_last_even_on_an_older_basis(path: Path) -> None:
    newer = replace(SCAN, basis="sha256:basis-2", status=Status.FAIL, partial=())
    with Ledger.open(path) as ledger:
        ledger.record_verdict(SCAN)
        ledger.record_verdict(newer)
        assert ledger.latest_verdict(Gate.SCAN, SCAN.config_digest) == newer
        ledger.record_verdict(SCAN)
        assert ledger.latest_verdict(Gate.SCAN, SCAN.config_digest) == SCAN


def test_recording_again_replaces(path: Path) -> None:
    again = replace(BUILT, config_digest="sha256:" + "3" * 64, reason="its image was removed")
    moved = replace(PUBLISHED, manifest_digest="sha256:" + "4" * 64)
    with Ledger.open(path) as ledger:
        for built in (BUILT, again):
            ledger.record_built(built)
        for publication in (PUBLISHED, moved):
            ledger.record_publication(publication)
        assert ledger.all_built() == {BUILT.key: again}
        assert list(ledger.publications().values()) == [moved]


def test_records_show_each_planned_build_with_what_is_known_of_it(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.record_planned({PUBLISHED.build_id: "0" * 64, "ray-app:other": "b" * 64})
        ledger.record_planned({PUBLISHED.build_id: BUILT.key})
        ledger.record_built(BUILT)
        ledger.record_verdict(VERIFY)
        ledger.record_verdict(SCAN)
        ledger.record_publication(PUBLISHED)
        assert ledger.records() == (
            Record(
                build_id=PUBLISHED.build_id,
                key=BUILT.key,
                built=BUILT,
                verdicts=(SCAN, VERIFY),
                publications=(PUBLISHED,),
            ),
            Record(build_id="ray-app:other", key="b" * 64),
        )


def test_verdicts_of_an_earlier_image_of_the_same_key_are_not_shown_for_the_new_one(
    path: Path,
) -> None:
    with Ledger.open(path) as ledger:
        ledger.record_planned({PUBLISHED.build_id: BUILT.key})
        ledger.record_verdict(SCAN)
        ledger.record_built(replace(BUILT, config_digest="sha256:" + "3" * 64))
        assert ledger.records()[0].verdicts == ()


def test_threads_share_one_ledger(path: Path) -> None:
    def write(ledger: Ledger, number: int) -> None:
        for index in range(25):
            ledger.record_built(replace(BUILT, key=f"{number}-{index}"))
            ledger.record_planned({f"{number}": f"{index}"})

    with Ledger.open(path) as ledger:
        threads = [threading.Thread(target=write, args=(ledger, n)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ledger.all_built()) == 200
        assert ledger.planned() == {str(number): "24" for number in range(8)}


def test_a_pair_is_known_by_the_builds_that_its_images_are_of_now(tmp_path: Path) -> None:
    other = replace(BUILT, key="b" * 64, config_digest="sha256:" + "3" * 64)
    images = (BUILT.config_digest, other.config_digest)
    both = replace(VERIFY, config_digest=pair_digest(*images), images=images)
    gone = ("sha256:" + "4" * 64, other.config_digest)
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.record_planned({"one": BUILT.key, "two": other.key})
        for built in (BUILT, other):
            ledger.record_built(built)
        ledger.record_verdict(VERIFY)
        ledger.record_verdict(replace(both, basis="older", status=Status.FAIL))
        ledger.record_verdict(both)
        ledger.record_verdict(replace(both, config_digest=pair_digest(*gone), images=gone))
        assert ledger.pair_records() == (PairRecord(head="one", workers="two", verdict=both),)
        assert [one.verdicts for one in ledger.records()] == [(VERIFY,), ()]
