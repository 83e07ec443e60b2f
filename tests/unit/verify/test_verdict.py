"""Checks → verdict: what passes, what fails, and what is left unproven."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from factory.model import NO_RUNTIME, Cell, Check, CheckStatus, Gate, Status, Verdict
from factory.verify.request import ClusterRequest
from factory.verify.verdict import conclude

REQUEST = ClusterRequest(
    subject="ray-app:2.60.0-py311-cpu",
    config_digest="sha256:" + "a" * 64,
    head_ref="ray-app:1",
    worker_ref="ray-app:1",
    cell=Cell(python="3.11", ray="2.60.0", device="cpu"),
    compose_file=Path("cluster.yaml"),
)
GOOD = Check(name="boot", status=CheckStatus.PASS)
BAD = Check(name="nodes", status=CheckStatus.FAIL, reason="2 of 3 nodes are alive")
SKIPPED = Check(name="cuda-device", status=CheckStatus.SKIPPED, reason=NO_RUNTIME)


def verdict(*checks: Check) -> Verdict:
    return conclude(REQUEST, basis="sha256:b", checks=checks, seconds=1.5, at="2026-01-01")


def statuses(*cases: Sequence[Check]) -> list[Status]:
    return [verdict(*checks).status for checks in cases]


def test_it_is_bound_to_the_image_and_the_basis() -> None:
    made = verdict(GOOD)
    assert (made.gate, made.config_digest, made.basis) == (
        Gate.VERIFY,
        REQUEST.config_digest,
        "sha256:b",
    )


def test_only_checks_that_all_ran_and_passed_are_a_pass() -> None:
    assert statuses([GOOD], [GOOD, SKIPPED], [GOOD, BAD], []) == [
        Status.PASS,
        Status.PARTIAL,
        Status.FAIL,
        Status.FAIL,
    ]


def test_a_partial_verdict_gives_each_reason_once_as_targets_accept_it() -> None:
    assert verdict(GOOD, SKIPPED, SKIPPED).partial == ("no NVIDIA runtime",)


def test_a_failure_outranks_what_was_not_checked() -> None:
    made = verdict(GOOD, SKIPPED, BAD)
    assert (made.status, made.partial, made.failures) == (Status.FAIL, (), (BAD,))
