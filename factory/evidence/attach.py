"""From what is known of an image to artifacts that refer to it in its registry.

Attaching the same twice changes nothing, and sends nothing. What is signed is kept where
cosign's own commands look, and so is a signature of the image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from factory.evidence.envelope import ENVELOPE_TYPE, sealed, signed_bytes
from factory.evidence.keys import PublicKey
from factory.evidence.statement import (
    SBOM_TYPE,
    STATEMENT_TYPE,
    Saying,
    build_saying,
    materials,
    sbom_saying,
    verdict_saying,
)
from factory.evidence.stored import (
    ABOUT,
    CREATED,
    PREDICATE,
    SIGNER,
    STATED,
    Stored,
    attestation,
    image_payload,
    image_signature,
)
from factory.model import BuildRecord, Subject, Verdict
from factory.registry import (
    Artifact,
    Descriptor,
    Registry,
    attach,
    digest_of,
    list_referrers,
)


class Signer(Protocol):
    """Who signs: cosign, with a key."""

    @property
    def public(self) -> PublicKey:
        """The key by which its signatures are checked."""
        ...

    def sign(self, content: bytes) -> bytes:
        """A signature of some bytes."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that is known of an image and may be told.

    Attributes:
        verdicts: of the gates, each with every check.
        record: of what it was made; ``None`` where that is not what is to be told.
        sbom: its bill of materials (CycloneDX), or ``None`` where there is none any more.
    """

    verdicts: Sequence[Verdict]
    record: BuildRecord | None = None
    sbom: bytes | None = None

    def sayings(self, subject: Subject, *, signed: bool) -> list[Saying]:
        """As statements; a bill of materials is one only where it is signed."""
        found = [verdict_saying(verdict, subject) for verdict in self.verdicts]
        found += [build_saying(self.record, subject)] if self.record else []
        if self.sbom and signed:
            found.append(sbom_saying(self.sbom, subject, materials(self.sbom).at))
        return found


def mark_of(verdicts: Iterable[Verdict], record: BuildRecord | None, signer: str) -> str:
    """A digest of what is told and by whom, for whoever remembers what was attached. By a target's
    own policy an image is judged in each run: when that was says nothing new."""
    plain = (replace(one, at="", seconds=0.0) if one.target else one for one in verdicts)
    told = [*map(repr, plain), repr(record), signer]
    return f"sha256:{hashlib.sha256(chr(0).join(told).encode()).hexdigest()}"


def attach_evidence(
    registry: Registry,
    repository: str,
    subject: Subject,
    evidence: Evidence,
    signer: Signer | None = None,
) -> None:
    """Have all of it refer to an image; safe to do again after anything that went wrong.

    Args:
        repository: where the image is, in full.
        signer: signs each statement; nothing is signed without.

    Raises:
        RegistryError: the registry refused, or cannot be reached.
        PublishError, ConfigError, MachineError: it cannot be signed.
    """
    image = registry.require(repository, subject.digest)
    described = Descriptor(
        media_type=image.media_type, digest=image.digest, size=len(image.content)
    )
    listed = list_referrers(registry, repository, subject.digest)
    there = {(one.annotations.get(STATED, ""), one.annotations.get(SIGNER, "")) for one in listed}
    whose = signer.public.id if signer else ""
    kept = Stored.read(registry, repository, subject.digest, "att") if signer else None
    made = []
    for saying in evidence.sayings(subject, signed=signer is not None):
        stated = digest_of(saying.payload)
        known = (stated, whose) in there
        if known and (kept is None or kept.has(stated, whose)):
            continue
        one = _sealed(saying, signer)
        made.append(attestation(one.artifact_type, one.content, one.annotations))
        if not known:
            attach(registry, repository, described, one)
    if kept and made:
        kept.write(registry, repository, made)
    if evidence.sbom:
        _attach_materials(registry, repository, described, evidence.sbom, there)
    if signer:
        _sign_image(registry, repository, subject, signer)


def _sign_image(registry: Registry, repository: str, subject: Subject, signer: Signer) -> None:
    """Sign the image itself, once all is there that it was published for."""
    kept = Stored.read(registry, repository, subject.digest, "sig")
    payload = image_payload(repository, subject.digest)
    if not kept.has(digest_of(payload), signer.public.id):
        signature = image_signature(payload, signer.sign(payload), signer.public.id)
        kept.write(registry, repository, [signature])


def _attach_materials(
    registry: Registry,
    repository: str,
    image: Descriptor,
    sbom: bytes,
    there: Iterable[tuple[str, str]],
) -> None:
    """The bill of materials as such, as scanners look for one."""
    if (digest_of(sbom), "") in there:
        return
    annotations = {ABOUT: "sbom", STATED: digest_of(sbom), CREATED: materials(sbom).at}
    artifact = Artifact(artifact_type=SBOM_TYPE, content=sbom, annotations=_filled(annotations))
    attach(registry, repository, image, artifact)


def _sealed(saying: Saying, signer: Signer | None) -> Artifact:
    """A statement as it is attached."""
    annotations = {
        PREDICATE: saying.kind,
        CREATED: saying.at,
        ABOUT: saying.about,
        STATED: digest_of(saying.payload),
        SIGNER: signer.public.id if signer else "",
    }
    kind, content = STATEMENT_TYPE, saying.payload
    if signer:
        kind = ENVELOPE_TYPE
        content = sealed(saying.payload, signer.sign(signed_bytes(saying.payload)))
    return Artifact(artifact_type=kind, content=content, annotations=_filled(annotations))


def _filled(annotations: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in annotations.items() if value}
