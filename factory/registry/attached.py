"""What is attached to an image in its repository: taking it along when the image is copied, and
away when the image goes.

Three ways of attaching are in use: manifests that name the image as their ``subject``, listed by
the registry or, where it cannot, in an index under the tag ``sha256-<hex>``; and cosign's own tags.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from factory.registry.client import Registry
from factory.registry.copy import Copier, blobs_of
from factory.registry.manifest import Manifest, document_of
from factory.registry.referrers import (
    Descriptor,
    all_referrers,
    enlist,
    listed_by_registry,
    referrers_tag,
)

_COSIGN = (".sig", ".att", ".sbom")
_DEPTH = 3
"""How far what is attached to something attached is copied along: signatures of evidence, and
timestamps of those. Each look costs half a dozen requests."""

_DEEPEST = 32
"""How far it is followed where an image goes: what strangers made such a chain of is left."""


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
    if len(above) == _DEEPEST:
        return ()
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


def has_attached(registry: Registry, repository: str, digest: str) -> bool:
    """Whether anything is attached to a manifest.

    Raises:
        RegistryError: the registry failed.
    """
    return bool(all_referrers(registry, repository, digest)) or any(
        registry.head(repository, tag) for tag in attached_tags(digest)[1:]
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """What came of copying what is attached to an image.

    Attributes:
        new: what was not listed with it at the target.
        listed: all that is listed with it at the source; not read, and empty, where both lists are
            the same.
        left: the tags of the target's own that were left as they are, although other things are
            attached by them at the source.
    """

    new: tuple[Descriptor, ...] = ()
    listed: tuple[Descriptor, ...] = ()
    left: tuple[str, ...] = ()


def copy_attached(
    registry: Registry, copier: Copier, source: str, target: str, digest: str
) -> Brought:
    """Have in another repository what is attached to an image, whose manifest is there already.
    What the other repository has of its own stays. With what is brought comes what is attached to
    that in turn.

    Raises:
        RegistryError: a registry refused or failed.
    """
    return _Copying(registry=registry, copier=copier, source=source, target=target).of(digest)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Copying:
    """Copies what is attached from one repository to another."""

    registry: Registry
    copier: Copier
    source: str
    target: str

    def of(self, digest: str, above: frozenset[str] = frozenset()) -> Brought:
        """What is attached to a manifest. ``above`` is what that is attached to: by tags of
        strangers even in a circle."""
        if len(above) == _DEPTH or digest in above:
            return Brought()
        above |= {digest}
        found = Brought() if self._same_list(digest) else self._listed(digest, above)
        tagged = (self._tagged(tag, above) for tag in attached_tags(digest)[1:])
        return replace(found, left=(*found.left, *(tag for tags in tagged for tag in tags)))

    def _listed(self, digest: str, above: frozenset[str]) -> Brought:
        listed, new = [], []
        left: list[str] = []
        for entry in all_referrers(self.registry, self.source, digest):
            if self.registry.head(self.target, entry.digest) is None:
                manifest = self.registry.get(self.source, entry.digest)
                if manifest is None or not refers_to(manifest, digest):
                    continue  # who may push writes the list, and would have others brought along
                left += self._bring(manifest, above)
                new.append(entry)
            listed.append(entry)
        enlist(self.registry, self.target, digest, listed)
        return Brought(new=tuple(new), listed=tuple(listed), left=tuple(left))

    def _same_list(self, digest: str) -> bool:
        """Whether all that is listed at the source was brought to the target before. No manifest is
        read for that: Docker Hub counts it as a pull."""
        tag = referrers_tag(digest)
        if listed_by_registry(self.registry, self.source, digest) is not None:
            return False
        return self.registry.head(self.source, tag) == self.registry.head(self.target, tag)

    def _tagged(self, tag: str, above: frozenset[str]) -> tuple[str, ...]:
        """Copy one of cosign's tags, unless the target has something there that would be lost."""
        ours = self.registry.head(self.source, tag)
        theirs = self.registry.head(self.target, tag) if ours else None
        if ours is None or ours == theirs:
            return ()
        manifest = self.registry.require(self.source, tag)
        kept = _layers(self.registry.require(self.target, tag)) if theirs else set()
        if not kept <= _layers(manifest):
            return (tag,)
        return self._bring(manifest, above, tag)

    def _bring(self, manifest: Manifest, above: frozenset[str], tag: str = "") -> tuple[str, ...]:
        """What is attached to it comes first: so it is not passed over as there already, should
        this be broken off in between."""
        left = self.of(manifest.digest, above).left
        self.copier.image(self.source, self.target, manifest, tag)
        return left


def refers_to(manifest: Manifest, digest: str) -> bool:
    """Whether a manifest says itself that it is about another one."""
    subject = document_of(manifest.content).get("subject")
    return isinstance(subject, dict) and subject.get("digest") == digest


def _layers(manifest: Manifest) -> set[str]:
    """Each is one signature, or one attestation."""
    return {blob.digest for blob in blobs_of(manifest, manifest.digest)[1:]}
