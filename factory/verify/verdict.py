"""Checks → verdict. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from factory.model import COLD_SUITE, Check, CheckStatus, Gate, Status, Verdict, pair_digest
from factory.verify.request import ClusterRequest


def conclude(
    request: ClusterRequest, *, basis: str, checks: Sequence[Check], seconds: float, at: str
) -> Verdict:
    """One failure fails the image; a check that did not run leaves it unproven, by name."""
    skipped = [check for check in checks if check.status is CheckStatus.SKIPPED]
    status = _status(checks)
    one, mixed = request.config_digest, request.mixed
    return Verdict(
        gate=gate_of(request.suite),
        config_digest=pair_digest(one, mixed.config_digest) if mixed else one,
        basis=basis,
        status=status,
        partial=tuple(dict.fromkeys(check.reason for check in skipped))
        if status is Status.PARTIAL
        else (),
        checks=tuple(checks),
        seconds=seconds,
        at=at,
        images=(one, mixed.config_digest) if mixed else (),
        pair=request.subject if mixed else "",
    )


def gate_of(suite: str) -> Gate:
    """Which gate a suite is: how fast workers start is another question than whether they work, and
    neither answer stands in for the other."""
    return Gate.COLD_START if suite == COLD_SUITE else Gate.VERIFY


def _status(checks: Sequence[Check]) -> Status:
    statuses = {check.status for check in checks}
    if CheckStatus.FAIL in statuses or not statuses:
        return Status.FAIL
    return Status.PARTIAL if CheckStatus.SKIPPED in statuses else Status.PASS
