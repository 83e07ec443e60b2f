"""What was published, judged again by what is known today: by no image, but what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from factory import scan as scan_room
from factory.judging import at_target
from factory.ledger import Ledger
from factory.model import (
    Build,
    Gate,
    Project,
    Publication,
    Rejudged,
    ScanPolicy,
    Status,
    Target,
    Verdict,
)
from factory.project import all_builds, load
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
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        return tuple(
            _judged(settings, project, ledger, publication, note)
            for publication in ledger.publications().values()
        )


def _judged(
    settings: Settings,
    project: Project,
    ledger: Ledger,
    publication: Publication,
    note: Callable[[str], None],
) -> Rejudged:
    digest = publication.config_digest
    own, policy = _policy(project, publication)
    target = publication.target if own else ""
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
    then, today = set(_findings(before)), set(_findings(now))
    return Rejudged(
        publication=publication,
        before=before,
        now=now,
        new=tuple(line for line in _findings(now) if line not in then),
        gone=tuple(line for line in _findings(before) if line not in today),
    )


def _policy(project: Project, publication: Publication) -> tuple[bool, ScanPolicy]:
    """The policy for an image where it is published, and whether it is that target's own. A build
    that left the matrix has neither exemptions nor a budget."""
    targets = {target.name: target for target in project.matrix.targets}
    builds = {build.id: build for build in all_builds(project)}
    target: Target | None = targets.get(publication.target)
    build: Build | None = builds.get(publication.build_id)
    return bool(target and target.scan), project.matrix.scan_policy(build, target)


def _findings(verdict: Verdict | None) -> Iterator[str]:
    for check in verdict.checks if verdict else ():
        yield from (line for line in check.detail if not line.startswith(_CLIPPED))


def _quietly(note: Callable[[str], None]) -> Callable[[str], None]:
    """What is said of each image is in its verdict; what is said of the database is not."""
    verdicts = tuple(status.value for status in Status)
    return lambda line: None if line.startswith(verdicts) else note(line)
