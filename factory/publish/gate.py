"""The gate before every registry: pure, and closed unless everything needed is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from factory.model import (
    REQUIRED,
    SUBSTITUTED_BASE,
    Built,
    CheckStatus,
    Gate,
    Joint,
    PlannedBuild,
    Status,
    Target,
    Verdict,
    pair_digest,
)


def refusals(
    planned: PlannedBuild,
    built: Built,
    verdicts: Iterable[Verdict],
    target: Target,
    *,
    joints: Iterable[Joint],
    unclean: str = "",
) -> tuple[str, ...]:
    """Why a build may not be published at a target; empty if it may.

    Every verdict that is given counts, so that an acceptable one cannot hide another.

    Args:
        joints: what it has to have passed together with other builds.
        unclean: why the project is no clean git checkout; empty if it is one.
    """
    given = tuple(verdicts)
    dirty = target.require_clean and unclean
    return tuple(
        dict.fromkeys(
            [
                *_image(planned, built, target),
                *([f"`{target.name}` wants a clean git checkout: {unclean}"] if dirty else []),
                *(f"there is no {gate} verdict" for gate in REQUIRED if not _has(given, gate)),
                *(reason for verdict in given for reason in _verdict(verdict, built, target)),
                *(reason for joint in joints for reason in _joint(joint, built, target)),
            ]
        )
    )


def remedy(reasons: Sequence[str], *, unclean: str, commit: str, judge: str) -> str:
    """What to do about refusals: what is not committed no gate passes, and no target accepts.

    Args:
        unclean: as one of the reasons says, why there is no clean git checkout; empty if none does.
        commit: what to do about that.
        judge: what to do about all others.
    """
    steps = [commit] if unclean else []
    if len(reasons) > len(steps):
        steps.append(judge)
    return "; ".join(steps)


def _has(verdicts: Iterable[Verdict], gate: Gate) -> bool:
    return any(verdict.gate == gate for verdict in verdicts)


def _image(planned: PlannedBuild, built: Built, target: Target) -> Iterator[str]:
    if built.key != planned.key:
        yield f"the image at hand has key {built.key[:12]}, planned is {planned.key[:12]}"
    if not built.config_digest:
        yield "the image at hand has no digest that verdicts could be bound to"
    if built.substituted_base and SUBSTITUTED_BASE not in target.accept:
        yield f"`{target.name}` does not accept: {SUBSTITUTED_BASE}"


def _verdict(verdict: Verdict, built: Built, target: Target) -> Iterator[str]:
    if verdict.config_digest != built.config_digest:
        yield f"{verdict.gate} judged another image ({verdict.config_digest[:19]}…)"
    yield from _shortcomings(verdict, target)


def _joint(joint: Joint, built: Built, target: Target) -> Iterator[str]:
    verdict = joint.verdict
    if joint.why or verdict is None:
        yield f"{joint.subject}: {joint.why or 'there is no verify verdict'}"
        return
    images = joint.images
    bound = images is not None and verdict.config_digest == pair_digest(*images)
    ours = images is not None and built.config_digest in images and verdict.images == images
    if not (bound and ours) or verdict.gate is not Gate.VERIFY:
        yield f"{joint.subject}: other images were judged"
    for reason in _shortcomings(verdict, target):
        yield f"{joint.subject}: {reason}"


def _shortcomings(verdict: Verdict, target: Target) -> Iterator[str]:
    """What of a verdict is no pass that the target accepts."""
    gate = verdict.gate
    if verdict.status not in (Status.PASS, Status.PARTIAL):
        yield f"{gate} failed"
    if not verdict.checks:
        yield f"{gate} looked at nothing"
    for check in verdict.failures:
        yield f"{gate} check `{check.name}` failed: {check.reason or 'no reason given'}"
    yield from _gaps(verdict, target)


def _gaps(verdict: Verdict, target: Target) -> Iterator[str]:
    """What was not checked, and neither named in the verdict nor accepted by the target."""
    gate = verdict.gate
    skipped = [check for check in verdict.checks if check.status is not CheckStatus.PASS]
    if verdict.status is Status.PASS and skipped:
        yield f"{gate} calls itself passed although `{skipped[0].name}` did not"
    if verdict.status is Status.PARTIAL and not verdict.partial:
        yield f"{gate} is partial for a reason that it does not name"
    for reason in verdict.partial:
        if reason not in target.accept:
            yield f"`{target.name}` does not accept from {gate}: {reason}"


def outranking(verdict: Verdict, others: Iterable[Verdict]) -> Verdict:
    """The verdict to go by: a partial one does not undo a failure of what it could not look at.

    Without this an image with known vulnerabilities would pass as "not checked" on a day without
    a database.
    """
    skipped = {check.name for check in verdict.checks if check.status is CheckStatus.SKIPPED}
    failures = [
        other
        for other in others
        if other.status is Status.FAIL and skipped & {check.name for check in other.failures}
    ]
    return failures[-1] if verdict.status is Status.PARTIAL and failures else verdict
