"""From what is known of an image to artifacts that refer to it in its registry.

Attaching the same twice changes nothing, and sends nothing. What is signed is kept where
cosign's own commands look, and so is a signature of the image. What newer statements replace is
taken away once these are there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from factory.evidence.annotations import ABOUT, CREATED, PREDICATE, SIGNER, STATED, superseded
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
    Layer,
    Stored,
    attestation,
    image_payload,
    image_signature,
)
from factory.evidence.upkeep import take_away
from factory.model import BuildRecord, Subject, Verdict
from factory.registry import (
    Artifact,
    Descriptor,
    Registry,
    attach_all,
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
    note: Callable[[str], None] = lambda _: None,
) -> None:
    """Have all of it refer to an image; safe to do again after anything that went wrong.

    Args:
        repository: where the image is, in full.
        signer: signs each statement; nothing is signed without.
        note: is told what older evidence cannot be taken away.

    Raises:
        RegistryError: the registry refused, or cannot be reached.
        PublishError, ConfigError, MachineError: it cannot be signed.
    """
    image = registry.require(repository, subject.digest)
    described = Descriptor(
        media_type=image.media_type, digest=image.digest, size=len(image.content)
    )
    listed = list_referrers(registry, repository, subject.digest)
    whose = signer.public.id if signer else ""
    kept = Stored.read(registry, repository, subject.digest, "att") if signer else None
    there = {(one.annotations.get(STATED, ""), one.annotations.get(SIGNER, "")) for one in listed}
    new: list[Artifact] = []
    made: list[Layer] = []
    sayings = evidence.sayings(subject, signed=signer is not None)
    for stated, saying in ((digest_of(one.payload), one) for one in sayings):
        known = (stated, whose) in there
        if known and (kept is None or kept.has(stated, whose)):
            continue
        one = _sealed(saying, signer)
        made.append(attestation(one.artifact_type, one.content, one.annotations))
        new += [] if known else [one]
    if evidence.sbom and (digest_of(evidence.sbom), "") not in there:
        new.append(_as_such(evidence.sbom))
    sent = attach_all(registry, repository, described, new)
    if kept and made:
        kept.write(registry, repository, made)
    if signer:
        _sign_image(registry, repository, subject, signer)
    holds = {digest_of(one.payload) for one in sayings} | {digest_of(evidence.sbom or b"")}
    old = superseded(listed, sent, holds)
    take_away(registry, repository, subject.digest, old, sent=sent, note=note)


def _sign_image(registry: Registry, repository: str, subject: Subject, signer: Signer) -> None:
    """Sign the image itself, once all is there that it was published for."""
    kept = Stored.read(registry, repository, subject.digest, "sig")
    payload = image_payload(repository, subject.digest)
    if not kept.has(digest_of(payload), signer.public.id):
        signature = image_signature(payload, signer.sign(payload), signer.public.id)
        kept.write(registry, repository, [signature])


def _as_such(sbom: bytes) -> Artifact:
    """The bill of materials as scanners look for one."""
    annotations = {ABOUT: "sbom", STATED: digest_of(sbom), CREATED: materials(sbom).at}
    return Artifact(artifact_type=SBOM_TYPE, content=sbom, annotations=_filled(annotations))


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
