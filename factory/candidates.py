"""What is known here of what is promoted, for the gate of the target. No engine is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from factory import scan as scan_room
from factory.errors import PublishError
from factory.judging import at_target
from factory.ledger import Ledger
from factory.model import (
    REQUIRED,
    Build,
    Built,
    Gate,
    Joint,
    Matrix,
    Pair,
    PlannedBuild,
    Project,
    Publication,
    Status,
    Target,
    Verdict,
    pair_digest,
)
from factory.plan import floating_tags, immutable_tag
from factory.publish import Candidate, outranking
from factory.settings import Settings

_MISSING = "there is no verify verdict"


def planned_as(matrix: Matrix, build: Build, key: str) -> PlannedBuild:
    """A build with a key that it was published with: what is planned by now does not matter."""
    return PlannedBuild(
        build=build,
        steps=(key,),
        immutable=immutable_tag(build, key),
        floating=floating_tags(build, matrix.latest),
    )


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What is known here of what is promoted.

    Attributes:
        source, to: from where to where.
    """

    settings: Settings
    project: Project
    ledger: Ledger
    source: Target
    to: Target

    def of(self, build: Build) -> Candidate:
        """A build that is published at the source, with what is known of it now.

        Raises:
            PublishError: nothing is known of its image, or the target's own policy cannot be asked.
        """
        published = self.ledger.publication(build.id, self.source.name)
        assert published, "only what is published is asked for"
        return Candidate(
            planned=planned_as(self.project.matrix, build, published.key),
            built=self._built(published),
            published=published,
            verdicts=tuple(self._verdicts(build, published.config_digest)),
            joints=tuple(self._joints(build)),
        )

    def _built(self, published: Publication) -> Built:
        """The image that was published under a key, which another than ours may have been."""
        built = self.ledger.built(published.key)
        if built is None:
            raise PublishError(
                f"nothing is known here of the image of {published.build_id} at "
                f"`{self.source.name}`",
                todo="run `invoke release`, which takes it from there and judges it",
            )
        return replace(built, config_digest=published.config_digest)

    def _verdicts(self, build: Build, digest: str) -> Iterator[Verdict]:
        """What was said last of an image, and what the target's own policy makes of it now."""
        for gate in REQUIRED:
            said = [one for one in self.ledger.verdicts_of(gate, digest) if self._counts(one)]
            if said:
                yield outranking(said[-1], said)
        if self.to.scan is not None:
            yield self._by_target(build, digest)

    def _counts(self, verdict: Verdict) -> bool:
        """Whether a verdict is on the image as the project declares it: `verify --ref` asks less of
        one that nobody declared, so that only its failures count."""
        expected = (self.ledger.parts(verdict.basis) or {}).get("expected")
        declared = not isinstance(expected, dict) or expected.get("declared") is not False
        return declared or verdict.status is Status.FAIL

    def _by_target(self, build: Build, digest: str) -> Verdict:
        verdict = scan_room.scan_again(
            config_digest=digest,
            policy=self.project.matrix.scan_policy(build, self.to),
            cache=self.settings.cache,
            log=lambda _: None,
        )
        if verdict is None:
            raise PublishError(
                f"`{self.to.name}` has a policy of its own, by which {build.id} cannot be judged: "
                "its image was not taken apart on this machine",
                todo="pull it, and `invoke scan` it here",
            )
        verdict = at_target(verdict, self.to.name)
        self.ledger.record_verdict(verdict)
        others = self.ledger.verdicts_of(Gate.SCAN, digest, self.to.name)
        return outranking(verdict, others)

    def _joints(self, build: Build) -> Iterator[Joint]:
        for cohort in self.project.refused_cohorts:
            if cohort.names(build):
                yield Joint(subject=cohort.subject, why=f"it is refused: {cohort.refused}")
        for pair in self.project.pairs:
            if build in pair.builds:
                yield self._joint(pair)

    def _joint(self, pair: Pair) -> Joint:
        """What was found of a pair as it is at the source."""
        if pair.refused:
            return Joint(subject=pair.id, why=f"it is refused: {pair.refused}")
        halves = [self.ledger.publication(one.id, self.source.name) for one in pair.builds]
        digests = [half.config_digest for half in halves if half]
        if len(digests) < 2:
            return Joint(subject=pair.id, why=f"one half is not published at `{self.source.name}`")
        head, workers = digests
        both = pair_digest(head, workers)
        known = self.ledger.latest_verdict(Gate.VERIFY, both)
        verdict = known and outranking(known, self.ledger.verdicts_of(Gate.VERIFY, both))
        return Joint(
            subject=pair.id,
            images=(head, workers),
            verdict=verdict,
            why="" if verdict else _MISSING,
        )
