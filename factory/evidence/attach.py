"""From what is known of an image to artifacts that refer to it in its registry.

Attaching the same twice changes nothing, and sends nothing. What is signed is also kept where
``cosign verify-attestation`` looks: under a tag that is made of the image's digest.

https://github.com/sigstore/cosign/blob/main/specs/ATTESTATION_SPEC.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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
from factory.model import BuildRecord, Subject, Verdict
from factory.registry import (
    OCI_MANIFEST,
    Artifact,
    Descriptor,
    Manifest,
    Registry,
    attach,
    digest_of,
    list_referrers,
    upload,
)

PREDICATE = "in-toto.io/predicate-type"
CREATED = "org.opencontainers.image.created"
ABOUT = "io.ray-image-factory.about"
STATED = "io.ray-image-factory.statement"
SIGNER = "io.ray-image-factory.signer"
"""Annotations: what is said, when that was found, which statement it is, and whose key signed it.
Nothing is believed for their sake: they spare reading what is there."""

_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"


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
        record: of what it was made.
        sbom: its bill of materials (CycloneDX), or ``None`` where there is none any more.
    """

    verdicts: Sequence[Verdict]
    record: BuildRecord
    sbom: bytes | None = None

    def sayings(self, subject: Subject, *, signed: bool) -> list[Saying]:
        """As statements; a bill of materials is one only where it is signed."""
        found = [verdict_saying(verdict, subject) for verdict in self.verdicts]
        found.append(build_saying(self.record, subject))
        if self.sbom and signed:
            found.append(sbom_saying(self.sbom, subject, materials(self.sbom).at))
        return found


def mark_of(verdicts: Iterable[Verdict], record: BuildRecord, signer: str) -> str:
    """A digest of what is told and by whom, for whoever remembers what was attached."""
    told = [*map(repr, verdicts), repr(record), signer]
    return f"sha256:{hashlib.sha256(chr(0).join(told).encode()).hexdigest()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sealed:
    """A statement as it is attached."""

    kind: str
    content: bytes
    annotations: Mapping[str, str]

    @property
    def stated(self) -> str:
        return self.annotations[STATED]


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
    sayings = evidence.sayings(subject, signed=signer is not None)
    kept = _Kept.read(registry, repository, subject.digest) if signer else None
    made: dict[str, _Sealed] = {}
    for saying in sayings:
        known = (digest_of(saying.payload), whose) in there
        if known and (kept is None or kept.has(saying, whose)):
            continue
        made[saying.about] = one = _sealed(saying, signer)
        if not known:
            artifact = Artifact(
                artifact_type=one.kind, content=one.content, annotations=one.annotations
            )
            attach(registry, repository, described, artifact)
    if kept and made:
        kept.write(registry, repository, made.values())
    if evidence.sbom:
        _attach_materials(registry, repository, described, evidence.sbom, there)


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


def _sealed(saying: Saying, signer: Signer | None) -> _Sealed:
    annotations = {
        PREDICATE: saying.kind,
        CREATED: saying.at,
        ABOUT: saying.about,
        STATED: digest_of(saying.payload),
        SIGNER: signer.public.id if signer else "",
    }
    if signer is None:
        return _Sealed(
            kind=STATEMENT_TYPE, content=saying.payload, annotations=_filled(annotations)
        )
    content = sealed(saying.payload, signer.sign(signed_bytes(saying.payload)))
    return _Sealed(kind=ENVELOPE_TYPE, content=content, annotations=_filled(annotations))


def _filled(annotations: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in annotations.items() if value}


def cosign_tag(digest: str) -> str:
    """Where cosign keeps what was signed about an image."""
    return f"{digest.replace(':', '-', 1)}.att"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    """What is under cosign's tag: the layers of a manifest, one an envelope."""

    digest: str
    layers: tuple[Descriptor, ...]

    @classmethod
    def read(cls, registry: Registry, repository: str, digest: str) -> _Kept:
        layers = cosign_layers(registry.get(repository, cosign_tag(digest)))
        return cls(digest=digest, layers=layers)

    def has(self, saying: Saying, signer: str) -> bool:
        """Whether a statement by this signer is the one about its matter."""
        wanted = (digest_of(saying.payload), signer)
        there = [one.annotations for one in self.layers]
        return any((one.get(STATED, ""), one.get(SIGNER, "")) == wanted for one in there)

    def write(self, registry: Registry, repository: str, new: Iterable[_Sealed]) -> None:
        """Put new envelopes in the place of older ones of ours about the same; those of others are
        left."""
        added = [_layer(one) for one in new]
        ours = {(one.annotations[ABOUT], one.annotations[SIGNER]) for one in added}
        left = [
            one
            for one in self.layers
            if (one.annotations.get(ABOUT), one.annotations.get(SIGNER)) not in ours
        ]
        layers = [*left, *added]
        config = _config(layers)
        upload(registry, repository, config)
        for one in new:
            upload(registry, repository, one.content)
        described = Descriptor(media_type=_CONFIG_TYPE, digest=digest_of(config), size=len(config))
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described.document,
            "layers": [one.document for one in layers],
        }
        manifest = Manifest(content=json.dumps(document).encode(), media_type=OCI_MANIFEST)
        registry.put(repository, cosign_tag(self.digest), manifest)


def _layer(one: _Sealed) -> Descriptor:
    return Descriptor(
        media_type=one.kind,
        digest=digest_of(one.content),
        size=len(one.content),
        annotations={
            **one.annotations,
            "predicateType": one.annotations[PREDICATE],
            "dev.cosignproject.cosign/signature": "",  # it is in the envelope
        },
    )


def _config(layers: Iterable[Descriptor]) -> bytes:
    """What makes an image of it, which some registries insist on."""
    document: dict[str, Any] = {
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [one.digest for one in layers]},
    }
    return json.dumps(document).encode()


def cosign_layers(manifest: Manifest | None) -> tuple[Descriptor, ...]:
    """The layers of what is under cosign's tag."""
    try:
        listed = json.loads(manifest.content)["layers"] if manifest else []
        found = [Descriptor.of(one) for one in listed]
    except (ValueError, KeyError, TypeError):
        return ()
    return tuple(one for one in found if one)
