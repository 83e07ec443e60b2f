"""What was published, judged again by what is known today: by no image, but what is kept of it."""

from __future__ import annotations

from collections.abc import Callable

from factory import scan as scan_room
from factory.judging import at_target
from factory.ledger import Ledger
from factory.model import (
    Build,
    CheckStatus,
    Gate,
    Matrix,
    Publication,
    Rejudged,
    ScanPolicy,
    Status,
    Verdict,
)
from factory.project import all_builds, load
from factory.publish import outranking
from factory.settings import Settings

_UNKNOWN = "it was not taken apart on this machine, or with another Trivy"
_CLIPPED = "… and "


def judge_published(settings: Settings, note: Callable[[str], None]) -> tuple[Rejudged, ...]:
    """Judge every image that the ledger knows to be at a target, by the policy of that target.

    Args:
        note: is told what happens to the database.

    Raises:
        ConfigError: the project is wrong.
        ScanError: Trivy could not judge one.
        MachineError: there is no Trivy, or the ledger cannot be read.
    """
    project = load(settings)
    builds = {build.id: build for build in all_builds(project)}
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        return tuple(
            _judged(
                settings,
                ledger,
                publication,
                _policy(project.matrix, publication, builds.get(publication.build_id)),
                note,
            )
            for publication in ledger.publications().values()
        )


def _judged(
    settings: Settings,
    ledger: Ledger,
    publication: Publication,
    policies: tuple[str, ScanPolicy],
    note: Callable[[str], None],
) -> Rejudged:
    digest = publication.config_digest
    target, policy = policies
    before = ledger.latest_verdict(Gate.SCAN, digest, target)
    now = scan_room.scan_again(
        config_digest=digest, policy=policy, cache=settings.cache, log=_quietly(note)
    )
    if now is None:
        return Rejudged(publication=publication, before=before, now=None, why=_UNKNOWN)
    parts = scan_room.current_parts(policy, settings.cache)
    same = scan_room.basis_of(parts) == now.basis
    now = at_target(now, target) if target else now
    ledger.record_verdict(now, parts if same and not target else None)
    now = outranking(now, ledger.verdicts_of(Gate.SCAN, digest, target))
    then, today = _findings(before, now), _findings(now, now)
    return Rejudged(
        publication=publication,
        before=before,
        now=now,
        new=tuple(line for line in today if line not in then),
        gone=tuple(line for line in then if line not in today),
    )


def _policy(
    matrix: Matrix, publication: Publication, build: Build | None
) -> tuple[str, ScanPolicy]:
    """The policy for an image where it is published, and whose it is, if it is that target's own. A
    build that left the matrix has neither exemptions nor a budget."""
    target = next((one for one in matrix.targets if one.name == publication.target), None)
    own = publication.target if target and target.scan else ""
    return own, matrix.scan_policy(build, target)


def _findings(verdict: Verdict | None, now: Verdict) -> list[str]:
    """What a verdict has found, by those checks that could be made now: what cannot be looked for
    today is not gone."""
    made = {check.name for check in now.checks if check.status is not CheckStatus.SKIPPED}
    checks = [check for check in (verdict.checks if verdict else ()) if check.name in made]
    lines = (line for check in checks for line in check.detail)
    return [line for line in lines if not line.startswith(_CLIPPED)]


def _quietly(note: Callable[[str], None]) -> Callable[[str], None]:
    """What is said of each image is in its verdict; what is said of the database is not."""
    verdicts = tuple(status.value for status in Status)
    return lambda line: None if line.startswith(verdicts) else note(line)
