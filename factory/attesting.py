"""What is told of an image where it is published: gathered from the plan and the gates, attached,
and remembered, so that nothing is asked of a registry where nothing is new."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from factory import scan as scan_room
from factory.errors import FactoryError, PublishError
from factory.evidence import Evidence, Signer, attach_evidence, mark_of
from factory.model import (
    CREATED,
    REVISION,
    BuildRecord,
    Built,
    Joint,
    Plan,
    PlannedBuild,
    Publication,
    Step,
    Subject,
    Target,
    Verdict,
    partial_reasons,
)
from factory.publish import Candidate, labels_of
from factory.registry import Registry
from factory.settings import Settings

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Notes:
    """What was attached to which image, remembered so that no registry is asked for it."""

    settings: Settings

    def says(self, now: Publication, mark: str) -> bool:
        """Whether the last that was attached to an image is what a mark stands for."""
        note = self._note(now.repository, now.manifest_digest)
        return note.is_file() and note.read_text("utf-8") == mark

    def write(self, now: Publication, mark: str) -> None:
        """Remember it."""
        note = self._note(now.repository, now.manifest_digest)
        note.parent.mkdir(parents=True, exist_ok=True)
        fresh = note.with_suffix(f".{threading.get_ident()}")
        fresh.write_text(mark, "utf-8")
        fresh.replace(note)

    def forget(self, repository: str, digest: str) -> None:
        """What was attached to an image is there no more."""
        self._note(repository, digest).unlink(missing_ok=True)

    def _note(self, repository: str, digest: str) -> Path:
        name = hashlib.sha256(f"{repository}@{digest}".encode()).hexdigest()
        return self.settings.state / "attached" / name


@dataclass(frozen=True, kw_only=True, slots=True)
class Attester:
    """Attaches what is known of the images of a plan. Threads may share it.

    Attributes:
        registry: the client for all targets.
        signer: who signs it; unsigned without.
        built: the image of a build, or an error of a kind.
        verdicts: what counts at a target of an image (by config digest) of a build.
        joints: what such an image has passed together with others.
    """

    settings: Settings
    plan: Plan
    registry: Callable[[], Registry]
    signer: Signer | None
    built: Callable[[PlannedBuild, type[FactoryError]], Built]
    verdicts: Callable[[PlannedBuild, str, Target], Iterable[Verdict]]
    joints: Callable[[PlannedBuild, str], Iterable[Joint]]

    def __call__(
        self,
        planned: PlannedBuild,
        target: Target,
        publication: Publication,
        log: Log,
        *,
        anew: bool = False,
    ) -> None:
        """Have it refer to an image that is at a target, unless all of it does already: that is
        remembered, and nobody asked.

        Args:
            publication: what is at the target.
            log: told what is done.
            anew: whether it came there just now, so that what is remembered may be of one that
                was removed.

        Raises:
            RegistryError: the registry refused, or cannot be reached.
            PublishError, ConfigError, MachineError: it cannot be signed.
        """
        digest = publication.config_digest
        together = (one.verdict for one in self.joints(planned, digest))
        found = [*self.verdicts(planned, digest, target), *(one for one in together if one)]
        record = build_record(self.plan, planned, self.built(planned, PublishError), found)
        mark = mark_of(found, record, self.signer.public.id if self.signer else "")
        notes = Notes(self.settings)
        if not anew and notes.says(publication, mark):
            return
        log("attaching evidence" + (", signed" if self.signer else ""))
        self._attach(publication, found, record, log)
        notes.write(publication, mark)

    def _attach(
        self, now: Publication, verdicts: Sequence[Verdict], record: BuildRecord, log: Log
    ) -> None:
        registry = self.registry()
        labels = labels_of(registry.blob(now.repository, now.config_digest))
        evidence = Evidence(
            verdicts=verdicts,
            record=replace(
                record, revision=labels.get(REVISION, ""), created=labels.get(CREATED, "")
            ),
            sbom=scan_room.materials(config_digest=now.config_digest, cache=self.settings.cache),
        )
        attach_evidence(registry, now.repository, _subject(now), evidence, self.signer, log)


@dataclass(frozen=True, kw_only=True, slots=True)
class Vouching:
    """Attaches to an image that was promoted what counts at that target alone: the verdict by its
    own policy, if it has one. All else came along with the image. Threads may share it."""

    settings: Settings
    registry: Registry
    signer: Signer | None

    def __call__(
        self, candidate: Candidate, now: Publication, log: Log, *, anew: bool = False
    ) -> None:
        """Have it refer to the image, unless it does already.

        Args:
            anew: see ``Attester``.

        Raises:
            RegistryError: the registry refused, or cannot be reached.
            PublishError, ConfigError, MachineError: it cannot be signed.
        """
        own = [one for one in candidate.verdicts if one.target == now.target]
        mark = mark_of(own, None, self.signer.public.id if self.signer else "") if own else ""
        if not own or (not anew and Notes(self.settings).says(now, mark)):
            return
        log("attaching evidence" + (", signed" if self.signer else ""))
        evidence = Evidence(verdicts=own)
        attach_evidence(self.registry, now.repository, _subject(now), evidence, self.signer, log)
        Notes(self.settings).write(now, mark)


def _subject(now: Publication) -> Subject:
    return Subject(name=now.build_id, digest=now.manifest_digest, config_digest=now.config_digest)


def build_record(
    plan: Plan, planned: PlannedBuild, built: Built, verdicts: Sequence[Verdict]
) -> BuildRecord:
    """Of what a build is made: its inputs by digest, as they are in its key."""
    steps = [plan.steps[key] for key in planned.steps]
    return BuildRecord(
        build_id=planned.build.id,
        key=planned.key,
        steps=tuple({"kind": step.kind, "key": step.key, **dict(step.inputs)} for step in steps),
        base=_base(steps[0]),
        substituted_base=built.substituted_base,
        partial=partial_reasons(verdicts),
    )


def _base(step: Step) -> dict[str, str]:
    inputs = dict(step.inputs)
    images = {name[6:]: value for name, value in inputs.items() if name.startswith("image ")}
    return images or {"rootfs": inputs.get("rootfs", "")}
