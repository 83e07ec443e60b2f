"""What cosign keeps of an image, under tags that are made of its digest: attestations, and the
signature of the image itself. It is written here as cosign writes it, so that its own commands, and
what admits images to a cluster by them, find it.

https://github.com/sigstore/cosign/blob/main/specs/ATTESTATION_SPEC.md
https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from factory.evidence.annotations import ABOUT, CREATED, PREDICATE, SIGNER, STATED, superseded
from factory.registry import (
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    Registry,
    digest_of,
    document_of,
    has_attached,
    locate,
    reclaim,
    upload,
)

_SIGNATURE = "dev.cosignproject.cosign/signature"
_SIGNED_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A document that is kept, with what tells it from others."""

    kind: str
    content: bytes
    annotations: Mapping[str, str]

    @property
    def descriptor(self) -> Descriptor:
        """How the manifest names it."""
        return Descriptor(
            media_type=self.kind,
            digest=digest_of(self.content),
            size=len(self.content),
            annotations=self.annotations,
        )


def attestation(kind: str, content: bytes, annotations: Mapping[str, str]) -> Layer:
    """An envelope as cosign keeps one."""
    more = {"predicateType": annotations[PREDICATE], _SIGNATURE: ""}  # which is in the envelope
    return Layer(kind=kind, content=content, annotations={**annotations, **more})


def image_payload(repository: str, digest: str) -> bytes:
    """What is signed of an image: that this digest is an image of this repository."""
    at = locate(repository)
    document = {
        "critical": {
            "identity": {"docker-reference": f"{at.host}/{at.name}"},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def image_signature(payload: bytes, signature: bytes, signer: str) -> Layer:
    """The signature of an image as cosign keeps one."""
    text = base64.b64encode(signature).decode("ascii")
    annotations = {
        _SIGNATURE: text,
        ABOUT: "image",
        STATED: digest_of(payload),
        SIGNER: signer,
    }
    return Layer(kind=_SIGNED_TYPE, content=payload, annotations=annotations)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """What is under one of cosign's tags: the layers of a manifest, one a document; and the digest
    of that, which is empty where there is none."""

    tag: str
    layers: tuple[Descriptor, ...]
    digest: str

    @classmethod
    def read(cls, registry: Registry, repository: str, digest: str, kind: str) -> Stored:
        """What there is about an image; ``kind`` is ``att`` or ``sig``.

        Raises:
            RegistryError: it cannot be had.
        """
        return cls.under(registry, repository, cosign_tag(digest, kind))

    @classmethod
    def under(cls, registry: Registry, repository: str, tag: str) -> Stored:
        """The same, by the tag."""
        manifest = registry.get(repository, tag)
        digest = manifest.digest if manifest else ""
        return cls(tag=tag, layers=layers_of(manifest), digest=digest)

    def has(self, stated: str, signer: str) -> bool:
        """Whether a statement by this signer is the one about its matter."""
        there = [one.annotations for one in self.layers]
        return any((one.get(STATED), one.get(SIGNER)) == (stated, signer) for one in there)

    def write(self, registry: Registry, repository: str, new: Iterable[Layer]) -> None:
        """Put new documents in the place of older ones by the same signer about the same; those of
        others are left. The manifest that was there is removed, if nothing is attached to it.

        Raises:
            RegistryError: the registry refused, or cannot be reached.
        """
        added = list(new)
        matters = {_matter(one.annotations) for one in added}
        left = [one for one in self.layers if _matter(one.annotations) not in matters - {None}]
        told = [one.descriptor for one in added]
        stated = {one.annotations.get(STATED, "") for one in told}
        old = {one.digest for one in superseded(left, told, stated)}
        layers = [*(one for one in left if one.digest not in old), *told]
        config = _config(layers)
        upload(registry, repository, config)
        for one in added:
            upload(registry, repository, one.content)
        described = Descriptor(media_type=_CONFIG_TYPE, digest=digest_of(config), size=len(config))
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described.document,
            "layers": [one.document for one in layers],
        }
        manifest = Manifest(content=json.dumps(document).encode(), media_type=OCI_MANIFEST)
        registry.put(repository, self.tag, manifest)
        if self.digest and not has_attached(registry, repository, self.digest):
            reclaim(registry, repository, self.tag, self.digest, manifest)


def bring(registry: Registry, source: str, target: str, tag: str) -> bool:
    """Have under one of cosign's tags what is there in another repository, beside what others have
    there; of one matter by one signer the newer one.

    Returns:
        Whether it is one of those tags at all.

    Raises:
        RegistryError: a registry refused, or cannot be reached.
    """
    if not tag.endswith((".att", ".sig")):
        return False
    there = Stored.under(registry, target, tag)
    known = {one.digest for one in there.layers}
    newest = {_matter(one.annotations): one.annotations.get(CREATED, "") for one in there.layers}
    new = [
        Layer(
            kind=one.media_type,
            content=registry.blob(source, one.digest),
            annotations=one.annotations,
        )
        for one in layers_of(registry.get(source, tag))
        if one.digest not in known
        and (
            _matter(one.annotations) is None
            or one.annotations.get(CREATED, "") >= newest.get(_matter(one.annotations), "")
        )
    ]
    if new:
        there.write(registry, target, new)
    return True


def cosign_tag(digest: str, kind: str) -> str:
    """Where cosign keeps what is about an image."""
    return f"{digest.replace(':', '-', 1)}.{kind}"


def layers_of(manifest: Manifest | None) -> tuple[Descriptor, ...]:
    """What a manifest lists."""
    listed = document_of(manifest.content).get("layers") if manifest else None
    found = (Descriptor.of(one) for one in (listed if isinstance(listed, list) else []))
    return tuple(one for one in found if one)


def _matter(annotations: Mapping[str, str]) -> tuple[str, str] | None:
    about, signer = annotations.get(ABOUT), annotations.get(SIGNER)
    return (about, signer) if about and signer else None


def _config(layers: Iterable[Descriptor]) -> bytes:
    """What makes an image of it, which some registries insist on."""
    document: dict[str, Any] = {
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [one.digest for one in layers]},
    }
    return json.dumps(document).encode()
