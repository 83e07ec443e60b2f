"""What is attached to an image in its repository: taking it along when the image is copied, and
away when the image goes.

Three ways of attaching are in use: manifests that name the image as their ``subject``, listed by
the registry or, where it cannot, in an index under the tag ``sha256-<hex>``; and cosign's own tags.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
"""

from __future__ import annotations

from collections.abc import Mapping

from factory.registry.client import Registry
from factory.registry.copy import Copier, blobs_of
from factory.registry.manifest import Manifest, document_of
from factory.registry.referrers import (
    all_referrers,
    enlist,
    listed_by_registry,
    referrers_tag,
)

_COSIGN = (".sig", ".att", ".sbom")


def attached_tags(digest: str) -> tuple[str, ...]:
    """The tags under which something may be attached to a manifest."""
    stem = referrers_tag(digest)
    return (stem, *(f"{stem}{end}" for end in _COSIGN))


def subject_of(tag: str) -> str:
    """The digest of what is attached to by such a tag; empty for any other tag."""
    stem, _, end = tag.partition(".")
    hexes = stem.removeprefix("sha256-")
    plain = stem != hexes and len(hexes) == 64 and set(hexes) <= set("0123456789abcdef")
    return f"sha256:{hexes}" if plain and (not end or f".{end}" in _COSIGN) else ""


def attached_to(
    registry: Registry,
    repository: str,
    digest: str,
    tags: Mapping[str, str],
    above: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """The digests of all that is attached to a manifest and to nothing else, and of what is
    attached to that: what comes later in this order refers to what comes before.

    Args:
        tags: of the repository, to the digest that each names: what has a tag of another meaning
            is not among them, nor what is attached to that.
        above: what this is attached to, by tags of strangers even in a circle.

    Raises:
        RegistryError: the registry refused or failed.
    """
    above |= {digest}
    named = {name for tag, name in tags.items() if subject_of(tag) != digest}
    listed = [
        one.digest
        for one in all_referrers(registry, repository, digest)
        if (manifest := registry.get(repository, one.digest)) and refers_to(manifest, digest)
    ]
    tagged = [tags[tag] for tag in attached_tags(digest) if tag in tags]
    found: list[str] = []
    for one in dict.fromkeys((*listed, *tagged)):
        if one not in named | above:
            found += [one, *attached_to(registry, repository, one, tags, above)]
    return tuple(dict.fromkeys(found))


def copy_attached(
    registry: Registry, copier: Copier, source: str, target: str, digest: str
) -> tuple[str, ...]:
    """Have in another repository what is attached to an image, whose manifest is there already.
    What the other repository has of its own stays.

    Returns:
        The tags of the target's own that were left as they are, although other things are attached
        by them at the source.

    Raises:
        RegistryError: a registry refused or failed.
    """
    if not _same_list(registry, source, target, digest):
        entries = []
        for entry in all_referrers(registry, source, digest):
            if registry.head(target, entry.digest) is None:
                manifest = registry.require(source, entry.digest)
                if not refers_to(manifest, digest):
                    continue  # who may push writes the list, and would have others brought along
                copier.image(source, target, manifest)
            entries.append(entry)
        enlist(registry, target, digest, entries)
    return tuple(
        tag
        for tag in attached_tags(digest)[1:]
        if not _copy_tag(registry, copier, source, target, tag)
    )


def _same_list(registry: Registry, source: str, target: str, digest: str) -> bool:
    """Whether all that is listed at the source was brought to the target before. No manifest is
    read for that: Docker Hub counts it as a pull."""
    tag = referrers_tag(digest)
    if listed_by_registry(registry, source, digest) is not None:
        return False
    return registry.head(source, tag) == registry.head(target, tag)


def refers_to(manifest: Manifest, digest: str) -> bool:
    """Whether a manifest says itself that it is about another one."""
    subject = document_of(manifest.content).get("subject")
    return isinstance(subject, dict) and subject.get("digest") == digest


def _copy_tag(registry: Registry, copier: Copier, source: str, target: str, tag: str) -> bool:
    """Copy one of cosign's tags; ``False`` where the target has something there that would be
    lost."""
    ours = registry.head(source, tag)
    theirs = registry.head(target, tag) if ours else None
    if ours is None or ours == theirs:
        return True
    manifest = registry.require(source, ours)
    kept = _layers(registry.require(target, theirs)) if theirs else set()
    if not kept <= _layers(manifest):
        return False
    copier.image(source, target, manifest, tag)
    return True


def _layers(manifest: Manifest) -> set[str]:
    """Each is one signature, or one attestation."""
    return {blob.digest for blob in blobs_of(manifest, manifest.digest)[1:]}
