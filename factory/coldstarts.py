"""What was measured of a build's workers, beside its last release, from what the ledger knows."""

from __future__ import annotations

from collections.abc import Iterable

from factory.explain import differences
from factory.history import History
from factory.model import (
    COLD_START,
    THROTTLED,
    ColdStart,
    Gate,
    PlannedBuild,
    Publication,
    Release,
    Timing,
    Verdict,
)


def cold_start(history: History, planned: PlannedBuild, verdict: Verdict) -> ColdStart:
    """What a verdict found, beside the last release that is another image, and what differs.

    Raises:
        MachineError: the ledger cannot be read.
    """
    released = last_release(
        history.ledger.releases(planned.build.id), other_than=verdict.config_digest
    )
    if released is None:
        return measured(planned.build.id, verdict)
    then = history.ledger.latest_verdict(Gate.COLD_START, released.config_digest)
    chain = history.ledger.chain(released.key)
    found = differences(history.chain(planned), chain, history.text) if chain else ()
    return ColdStart(
        build_id=planned.build.id,
        full=timing(verdict, COLD_START),
        throttled=timing(verdict, THROTTLED),
        release=Release(
            tag=released.immutable,
            target=released.target,
            at=released.at,
            full=timing(then, COLD_START) if then else None,
            throttled=timing(then, THROTTLED) if then else None,
        ),
        changed=tuple(one.what for one in found),
        known=bool(chain) or released.key == planned.key,
    )


def measured(subject: str, verdict: Verdict) -> ColdStart:
    """The same of what never was released."""
    return ColdStart(
        build_id=subject,
        full=timing(verdict, COLD_START),
        throttled=timing(verdict, THROTTLED),
    )


def last_release(releases: Iterable[Publication], *, other_than: str) -> Publication | None:
    """The newest of releases, oldest first, whose image is another one."""
    found = [one for one in releases if one.config_digest != other_than]
    return found[-1] if found else None


def timing(verdict: Verdict, check: str) -> Timing | None:
    """What a check measured, if it got so far."""
    return next((one.timing for one in verdict.checks if one.name == check), None)
