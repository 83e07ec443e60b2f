"""Taking away what newer evidence has replaced, or a nightly scan would add a document to every
image every night.

Only what is exactly as this factory attaches it goes, only when what replaces it is seen to be
there, and nothing to which something is attached in turn. Where the list of what refers to an image
is an index, it is taken out of that first: registries take none that lists what is gone, so that
nobody could attach anything. What is broken off in between leaves manifests that nothing names. A
registry that removes nothing fails nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from factory.errors import RegistryError
from factory.evidence.annotations import STATED, superseded
from factory.registry import (
    Brought,
    Descriptor,
    Registry,
    delist,
    document_of,
    has_attached,
    list_referrers,
    referrers_tag,
    refers_to,
    remove,
    require_removal,
)

_AT_ONCE = 25
"""How much is taken away at a time: what piled up before goes little by little."""

_REFUSED = (400, 401, 403, 405)
"""How registries answer that let us remove nothing."""


def take_away(
    registry: Registry,
    repository: str,
    digest: str,
    old: Sequence[Descriptor],
    *,
    sent: Iterable[Descriptor],
    note: Callable[[str], None],
) -> None:
    """Remove evidence about an image, as far as that can be done.

    Args:
        digest: the image's.
        old: what has had its day, by its annotations; the oldest comes first.
        sent: what has taken its place.
        note: is told why something stays.
    """
    if not old:
        return
    try:
        there = {one.digest for one in list_referrers(registry, repository, digest)}
        if there.issuperset(one.digest for one in sent):
            why = _take_away(registry, repository, digest, old[:_AT_ONCE])
        else:
            why = "what replaces it is not listed yet"
    except RegistryError as error:
        why = error.what
    if why:
        note(f"older evidence stays in {repository}: {why}")


def keep_up(
    registry: Registry,
    repository: str,
    digest: str,
    brought: Brought,
    note: Callable[[str], None],
) -> None:
    """The same where an image was promoted to, by what was brought along; what its source still
    lists stays there as well."""
    if not brought.new:
        return
    holds = {one.annotations.get(STATED, "") for one in brought.listed}
    try:
        listed = list_referrers(registry, repository, digest)
    except RegistryError as error:
        note(f"older evidence stays in {repository}: {error.what}")
        return
    old = superseded(listed, brought.new, holds)
    take_away(registry, repository, digest, old, sent=brought.new, note=note)


def _take_away(registry: Registry, repository: str, digest: str, old: Iterable[Descriptor]) -> str:
    """Why manifests stay; where the registry removes none, they are taken out of a list that is not
    its own."""
    why = _refusal(repository)
    by_tag = registry.head(repository, referrers_tag(digest)) is not None
    if why and not by_tag:
        return why
    gone: Iterable[str] = (one.digest for one in old if _is_ours(registry, repository, digest, one))
    if by_tag:
        gone = list(gone)
        delist(registry, repository, digest, gone)
    for one in gone:
        why = why or _removed(registry, repository, one)
        if why:
            break
    return why


def _is_ours(registry: Registry, repository: str, digest: str, one: Descriptor) -> bool:
    """Whether a manifest is what the list says, which anybody may write who may push; or is gone
    already."""
    manifest = registry.get(repository, one.digest)
    if manifest is None:
        return True
    document = document_of(manifest.content)
    return (
        refers_to(manifest, digest)
        and document.get("artifactType") == one.artifact_type
        and document.get("annotations") == dict(one.annotations)
        and not has_attached(registry, repository, one.digest)
    )


def _refusal(repository: str) -> str:
    try:
        require_removal(repository)
    except RegistryError as error:
        return error.what
    return ""


def _removed(registry: Registry, repository: str, digest: str) -> str:
    """Remove a manifest; why the registry does not let us, if it does not."""
    try:
        remove(registry.hasty(), repository, digest)
    except RegistryError as error:
        if error.status not in _REFUSED:
            raise
        return error.what
    return ""
