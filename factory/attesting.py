"""What is told of an image where it is published: gathered from the plan and the gates, attached,
and remembered, so that nothing is asked of a registry where nothing is new."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from factory import scan as scan_room
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
    Verdict,
    partial_reasons,
)
from factory.registry import Registry
from factory.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Attester:
    """Attaches what is known of the images of a plan.

    Attributes:
        signer: who signs it; unsigned without.
        verdicts_of: those for which an image is published, by its config digest.
        joints_of: likewise, what it has passed together with other builds.
    """

    settings: Settings
    plan: Plan
    registry: Registry
    signer: Signer | None
    verdicts_of: Callable[[str], Sequence[Verdict]]
    joints_of: Callable[[str], Sequence[Joint]]

    def attached(
        self, planned: PlannedBuild, built: Built, now: Publication, known: Publication | None
    ) -> Publication:
        """Have it refer to an image that is at a target; returns the publication with a mark of it.

        Args:
            known: the last publication of this build there, from the ledger: by its mark one sees
                that all of it was attached already.

        Raises:
            RegistryError: the registry refused, or cannot be reached.
            PublishError, ConfigError, MachineError: it cannot be signed.
        """
        joints = self.joints_of(now.config_digest)
        together = [joint.verdict for joint in joints if joint.verdict]
        verdicts = [*self.verdicts_of(now.config_digest), *together]
        record = build_record(self.plan, planned, built, verdicts)
        mark = mark_of(verdicts, record, self.signer.public.id if self.signer else "")
        if known is None or not _same_place(known, now) or known.evidence != mark:
            self._attach(now, verdicts, record)
        return replace(now, evidence=mark)

    def _attach(self, now: Publication, verdicts: Sequence[Verdict], record: BuildRecord) -> None:
        labels = _labels(self.registry.blob(now.repository, now.config_digest))
        evidence = Evidence(
            verdicts=verdicts,
            record=replace(
                record, revision=labels.get(REVISION, ""), created=labels.get(CREATED, "")
            ),
            sbom=scan_room.materials(config_digest=now.config_digest, cache=self.settings.cache),
        )
        subject = Subject(
            name=now.build_id, digest=now.manifest_digest, config_digest=now.config_digest
        )
        attach_evidence(self.registry, now.repository, subject, evidence, self.signer)


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


def _same_place(known: Publication, now: Publication) -> bool:
    return (known.repository, known.manifest_digest) == (now.repository, now.manifest_digest)


def _labels(configuration: bytes) -> Mapping[str, str]:
    try:
        found = json.loads(configuration)["config"]["Labels"] or {}
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
