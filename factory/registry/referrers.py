"""What refers to an image: small artifacts that say something of it, found by its digest.

A registry with the referrers API keeps the list. Where there is none, whoever adds an artifact adds
it to an index under a tag made of the digest as well. There is no compare-and-swap: the index is
read again after it was written, and written again where somebody else's has taken its place.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from factory.errors import RegistryError
from factory.registry.blobs import upload
from factory.registry.client import Registry
from factory.registry.listing import pages
from factory.registry.manifest import OCI_INDEX, OCI_MANIFEST, Manifest, digest_of, document_of
from factory.registry.reference import place
from factory.registry.removal import reclaim

_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_TRIES = 5
_NO_LIST = (400, 404, 405)
"""What registries answer that list no referrers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
    """How one document names another one.

    Attributes:
        artifact_type: of a manifest that is no image's, what it is.
    """

    media_type: str
    digest: str
    size: int
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """As it is written in JSON."""
        found: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        found |= {"artifactType": self.artifact_type} if self.artifact_type else {}
        return found | ({"annotations": dict(self.annotations)} if self.annotations else {})

    @classmethod
    def of(cls, document: Any) -> Descriptor | None:
        """What a document says, or ``None`` where it is no descriptor."""
        try:
            annotations = document.get("annotations") or {}
            return cls(
                media_type=str(document["mediaType"]),
                digest=str(document["digest"]),
                size=int(document["size"]),
                artifact_type=str(document.get("artifactType") or ""),
                annotations={str(name): str(value) for name, value in annotations.items()},
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A document that says something of an image.

    Attributes:
        artifact_type: what it is, and its one layer.
        content: the layer.
        annotations: of the manifest; a list of referrers shows them.
    """

    artifact_type: str
    content: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)

    def manifest(self, subject: Descriptor) -> Manifest:
        """The manifest that refers to an image; equal artifacts have equal ones."""
        layer = Descriptor(
            media_type=self.artifact_type, digest=digest_of(self.content), size=len(self.content)
        )
        config = Descriptor(media_type=_EMPTY_TYPE, digest=digest_of(_EMPTY), size=len(_EMPTY))
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": self.artifact_type,
            "config": config.document,
            "layers": [layer.document],
            "subject": subject.document,
            "annotations": dict(sorted(self.annotations.items())),
        }
        return Manifest(content=json.dumps(document).encode(), media_type=OCI_MANIFEST)


def referrers_tag(digest: str) -> str:
    """The tag of the index that lists what refers to a digest, where the registry keeps none."""
    return digest.replace(":", "-", 1)


def list_referrers(
    registry: Registry, repository: str, digest: str, artifact_type: str = ""
) -> tuple[Descriptor, ...]:
    """What refers to a manifest, of one type or of any.

    Raises:
        RegistryError: it cannot be had.
    """
    found = listed_by_registry(registry, repository, digest, artifact_type)
    if found is None:
        found = _listed(registry.get(repository, referrers_tag(digest)))
    return tuple(one for one in found if artifact_type in ("", one.artifact_type))


def all_referrers(registry: Registry, repository: str, digest: str) -> tuple[Descriptor, ...]:
    """The same, by the registry's list and by the index that stands in for it: a registry may have
    got its list only after the index was written.

    Raises:
        RegistryError: it cannot be had.
    """
    listed = listed_by_registry(registry, repository, digest) or []
    found = [*listed, *_listed(registry.get(repository, referrers_tag(digest)))]
    return tuple({one.digest: one for one in found}.values())


def enlist(registry: Registry, repository: str, digest: str, added: Sequence[Descriptor]) -> None:
    """See that what refers to an image, and is there, is listed where that is looked for.

    Raises:
        RegistryError: it cannot be, or others write that list all the time.
    """
    if added and listed_by_registry(registry, repository, digest) is None:
        _enlist(registry, repository, digest, added)


def listed_by_registry(
    registry: Registry, repository: str, digest: str, artifact_type: str = ""
) -> list[Descriptor] | None:
    """The registry's own list; ``None`` where it keeps none.

    Raises:
        RegistryError: it cannot be had.
    """
    wanted = f"?artifactType={artifact_type.replace('+', '%2B')}" if artifact_type else ""
    resource = f"referrers/{digest}{wanted}"
    found = [
        _descriptors(page)
        for page in pages(
            registry, repository, resource, what="referrers", kind=OCI_INDEX, absent=_NO_LIST
        )
    ]
    return [one for page in found for one in page] if found else None


def attach(
    registry: Registry, repository: str, subject: Descriptor, artifact: Artifact
) -> Descriptor:
    """Have an artifact refer to an image of the repository; one that does already is not sent.

    Raises:
        RegistryError: the registry refused or cannot be reached, or others write the list of this
            image's referrers all the time.
    """
    return attach_all(registry, repository, subject, [artifact])[0]


def attach_all(
    registry: Registry, repository: str, subject: Descriptor, artifacts: Iterable[Artifact]
) -> tuple[Descriptor, ...]:
    """The same of several, which are written into the list at once. See ``attach``."""
    sent, unlisted = [], []
    for artifact in artifacts:
        manifest = artifact.manifest(subject)
        descriptor = Descriptor(
            media_type=manifest.media_type,
            digest=manifest.digest,
            size=len(manifest.content),
            artifact_type=artifact.artifact_type,
            annotations=artifact.annotations,
        )
        upload(registry, repository, _EMPTY)
        upload(registry, repository, artifact.content)
        if not registry.put(repository, manifest.digest, manifest):
            unlisted.append(descriptor)
        sent.append(descriptor)
    if unlisted:
        _enlist(registry, repository, subject.digest, unlisted)
    return tuple(sent)


def delist(registry: Registry, repository: str, digest: str, gone: Collection[str]) -> None:
    """Take some digests out of the index that lists what refers to an image, where there is one.

    Raises:
        RegistryError: it cannot be, or others write that index all the time.
    """
    _rewrite(
        registry,
        repository,
        digest,
        lambda known: {name: one for name, one in known.items() if name not in gone},
    )


def _enlist(registry: Registry, repository: str, digest: str, added: Sequence[Descriptor]) -> None:
    wanted = {one.digest: one for one in added}
    _rewrite(registry, repository, digest, lambda known: known | wanted | known)


_Entries = dict[str, Descriptor]


def _rewrite(
    registry: Registry, repository: str, digest: str, change: Callable[[_Entries], _Entries]
) -> None:
    """Write the index anew until it is as it should be; the one before is removed, if nobody else
    wrote it meanwhile."""
    tag, before, written = referrers_tag(digest), "", []
    for left in reversed(range(_TRIES + 1)):
        now = registry.get(repository, tag)
        known = {one.digest: one for one in _listed(now)}
        wanted = change(known)
        if wanted.keys() == known.keys():
            break
        if left:
            before = now.digest if now else ""
            written.append(_written(registry, repository, tag, wanted.values()))
    else:
        raise RegistryError(
            "others write the list of what refers to this image all the time",
            where=place(repository, tag),
            todo="let one publisher at a time attach evidence to it, then run again",
        )
    if len(written) == 1 and before:
        reclaim(registry, repository, tag, before, written[0])


def _written(
    registry: Registry, repository: str, tag: str, listed: Iterable[Descriptor]
) -> Manifest:
    """Write the index; without what others removed and left in it, which registries refuse."""
    index = _index(listed)
    try:
        registry.put(repository, tag, index)
    except RegistryError as error:
        there = [one for one in listed if registry.head(repository, one.digest)]
        healed = _index(there)
        if error.status != 400 or healed == index:
            raise
        registry.put(repository, tag, healed)
        return healed
    return index


def _index(listed: Iterable[Descriptor]) -> Manifest:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [one.document for one in listed],
    }
    return Manifest(content=json.dumps(document).encode(), media_type=OCI_INDEX)


def _listed(index: Manifest | None) -> list[Descriptor]:
    return _descriptors(document_of(index.content)) if index else []


def _descriptors(document: Mapping[str, Any]) -> list[Descriptor]:
    listed = document.get("manifests")
    found = [Descriptor.of(one) for one in (listed if isinstance(listed, list) else [])]
    return [one for one in found if one]
