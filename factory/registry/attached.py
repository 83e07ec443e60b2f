"""What is attached to an image in its repository, and taking it along when the image is copied.

Three ways of attaching are in use: manifests that name the image as their ``subject``, listed by
the registry or, where it cannot, in an index under the tag ``sha256-<hex>``; and cosign's own tags.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from factory.registry.client import Registry
from factory.registry.copy import Copier, blobs_of
from factory.registry.manifest import INDEXES, Manifest, document_of
from factory.registry.reference import place

_COSIGN = (".sig", ".att", ".sbom")
_INDEX = INDEXES[1]


def attached_tags(digest: str) -> tuple[str, ...]:
    """The tags under which something may be attached to a manifest."""
    stem = digest.replace(":", "-")
    return (stem, *(f"{stem}{end}" for end in _COSIGN))


def subject_of(tag: str) -> str:
    """The digest of what is attached to by such a tag; empty for any other tag."""
    stem, _, end = tag.partition(".")
    hexes = stem.removeprefix("sha256-")
    plain = stem != hexes and len(hexes) == 64 and set(hexes) <= set("0123456789abcdef")
    return f"sha256:{hexes}" if plain and (not end or f".{end}" in _COSIGN) else ""


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
    entries = []
    for entry in _referrers(registry, source, digest):
        child = str(entry["digest"])
        if registry.head(target, child) is None:
            manifest = registry.require(source, child)
            if not refers_to(manifest, digest):
                continue  # who may push writes the list, and would have us bring other images along
            copier.image(source, target, manifest)
        entries.append(entry)
    if entries and not _lists(registry, target, digest):
        _merge_index(registry, target, digest, entries)
    return tuple(
        tag
        for tag in attached_tags(digest)[1:]
        if not _copy_tag(registry, copier, source, target, tag)
    )


def refers_to(manifest: Manifest, digest: str) -> bool:
    """Whether a manifest says itself that it is about another one."""
    subject = document_of(manifest.content).get("subject")
    return isinstance(subject, dict) and subject.get("digest") == digest


def _referrers(registry: Registry, repository: str, digest: str) -> list[Mapping[str, Any]]:
    """What names an image as its subject: by the registry's list and by the index that stands in
    for it, since a registry may have got its list only after the index was written."""
    tag = attached_tags(digest)[0]
    index = registry.get(repository, tag)
    listed = _listed(registry, repository, digest)
    found = [*_entries(index.content if index else b"{}"), *_entries(listed or b"{}")]
    return list({str(entry["digest"]): entry for entry in found}.values())


def _lists(registry: Registry, repository: str, digest: str) -> bool:
    return _listed(registry, repository, digest) is not None


def _listed(registry: Registry, repository: str, digest: str) -> bytes | None:
    """The registry's own list, or ``None`` where it keeps none."""
    where = place(repository, digest)
    answer = registry.request(
        "GET", repository, f"referrers/{digest}", headers={"Accept": _INDEX}, where=where
    )
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if answer.status == 200 and kind == _INDEX:
        return bytes(answer.data)
    if answer.status in (200, 400, 404, 405):  # what registries without such a list answer
        return None
    raise registry.refused(answer, "did not list what is attached", repository, where)


def _entries(content: bytes) -> Iterator[Mapping[str, Any]]:
    try:
        for entry in json.loads(content).get("manifests", []):
            if isinstance(entry, dict) and isinstance(entry.get("digest"), str):
                yield entry
    except (ValueError, AttributeError, TypeError):
        return  # it is none of ours, and nothing is attached by it


def _merge_index(
    registry: Registry, target: str, digest: str, entries: Iterable[Mapping[str, Any]]
) -> None:
    tag = attached_tags(digest)[0]
    before = registry.get(target, tag)
    there = {str(one["digest"]): one for one in _entries(before.content if before else b"{}")}
    merged = there | {str(one["digest"]): one for one in entries if one["digest"] not in there}
    if before and merged == there:
        return
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": list(merged.values())}
    content = json.dumps(index, separators=(",", ":")).encode()
    registry.put(target, tag, Manifest(content=content, media_type=_INDEX))


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
