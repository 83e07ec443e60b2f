"""What an image carries in its registry, found and checked: referrers, and what cosign keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from factory.errors import PublishError, RegistryError
from factory.evidence.annotations import ABOUT, CREATED, first
from factory.evidence.envelope import ENVELOPE_TYPE, opened, signed_bytes
from factory.evidence.keys import PublicKey
from factory.evidence.statement import SBOM_TYPE, STATEMENT_TYPE, TYPES, UNKNOWN, materials, read
from factory.evidence.stored import cosign_tag, layers_of
from factory.model import PLATFORM, Piece, Subject
from factory.registry import (
    INDEXES,
    Descriptor,
    Registry,
    document_of,
    list_referrers,
    place,
    refers_to,
)

_READ = (STATEMENT_TYPE, ENVELOPE_TYPE, SBOM_TYPE)
_MOST = 200
"""How many documents about one image are read, of each way of attaching: anybody who may push could
attach thousands, and some registries never remove what newer ones replace."""

_LARGEST = 8 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What refers to an image.

    Attributes:
        pieces: evidence of the kinds that this factory attaches, good or bad.
        others: the types of all else.
        unread: what was not read, since there is so much: what it is about and when that was
            found, by its own word.
    """

    pieces: tuple[Piece, ...] = ()
    others: tuple[str, ...] = ()
    unread: tuple[Piece, ...] = ()


def subject_of(registry: Registry, repository: str, reference: str) -> Subject:
    """The image that a tag or a digest names; of an index that for our platform.

    Raises:
        PublishError: there is no such image, or it is no such thing.
        RegistryError: the registry failed.
    """
    where = place(repository, reference)
    manifest = registry.get(repository, reference)
    if manifest is None:
        raise PublishError(
            "there is no such image in the registry",
            where=where,
            todo="see that the name is right; `docker login` where it is not for everybody",
        )
    document = document_of(manifest.content)
    if "manifests" in document and not document.keys().isdisjoint(("config", "layers")):
        raise PublishError(
            "this is an image and an index at once, of which each engine takes what it likes",
            where=where,
            todo="do not use it: find out who pushed it",
        )
    if manifest.media_type in INDEXES or "manifests" in document:
        return subject_of(registry, repository, _of_platform(document, where))
    config = document.get("config")
    digest = config.get("digest") if isinstance(config, dict) else None
    if not isinstance(digest, str):
        raise PublishError(
            f"this is not the manifest of an image ({manifest.media_type or 'of no stated type'})",
            where=where,
            todo="name an image",
        )
    return Subject(name=where, digest=manifest.digest, config_digest=digest)


def _of_platform(document: dict[str, Any], where: str) -> str:
    for one in document.get("manifests") or []:
        platform = one.get("platform") if isinstance(one, dict) else None
        named = platform if isinstance(platform, dict) else {}
        is_ours = f"{named.get('os')}/{named.get('architecture')}" == PLATFORM
        if is_ours and str(one.get("mediaType")) not in INDEXES and "digest" in one:
            return str(one["digest"])
    raise PublishError(
        f"there is no image for {PLATFORM} in this index", where=where, todo="name another one"
    )


def carried(
    registry: Registry, repository: str, subject: Subject, keys: Sequence[PublicKey]
) -> Found:
    """Everything that refers to an image; of more than anybody reads the newest of each matter.

    Args:
        keys: by which signatures are checked.

    Raises:
        RegistryError: the registry failed.
    """
    pieces: dict[str, Piece] = {}
    others: list[str] = []
    referrers = list_referrers(registry, repository, subject.digest)
    others += [
        one.artifact_type or one.media_type for one in referrers if one.artifact_type not in _READ
    ]
    listed, rest = first([one for one in referrers if one.artifact_type in _READ], _MOST)
    stored = layers_of(registry.get(repository, cosign_tag(subject.digest, "att")))
    attested, more = first(stored, _MOST)
    for kind, layer in _documents(registry, repository, subject, listed, attested):
        if layer is None or kind not in _READ:
            others.append(kind)
        elif layer.digest not in pieces:
            pieces[layer.digest] = _piece(registry, repository, subject, kind, layer, keys)
    foreign = [one.about for one in pieces.values() if not _ours(one)]
    return Found(
        pieces=tuple(one for one in pieces.values() if _ours(one)),
        others=tuple(one or "of no stated type" for one in (*others, *foreign)),
        unread=tuple(map(_claim, [*rest, *(one for one in more if one.digest not in pieces)])),
    )


def _claim(one: Descriptor) -> Piece:
    about = one.annotations.get(ABOUT, UNKNOWN)
    return Piece(about=about, at=one.annotations.get(CREATED, ""), why="it was not read")


def _ours(piece: Piece) -> bool:
    return piece.about.partition(" ")[0] in (*TYPES.values(), UNKNOWN)


def _documents(
    registry: Registry,
    repository: str,
    subject: Subject,
    listed: Iterable[Descriptor],
    attested: Iterable[Descriptor],
) -> Iterator[tuple[str, Descriptor | None]]:
    """Type and layer of what is to be read; of what cannot be no layer."""
    for one in listed:
        manifest = registry.get(repository, one.digest)
        if manifest and refers_to(manifest, subject.digest):
            yield from ((one.artifact_type, layer) for layer in layers_of(manifest)[:1])
    yield from ((one.media_type, one) for one in attested)
    if registry.head(repository, cosign_tag(subject.digest, "sig")):
        yield "cosign signature", None


def _piece(
    registry: Registry,
    repository: str,
    subject: Subject,
    kind: str,
    layer: Descriptor,
    keys: Sequence[PublicKey],
) -> Piece:
    if layer.size > _LARGEST:
        return Piece(about=UNKNOWN, why=f"it has more than {_LARGEST >> 20} MiB")
    try:
        content = registry.blob(repository, layer.digest)
    except RegistryError as error:
        return Piece(about=UNKNOWN, why=f"it cannot be read: {error.what}")
    if kind == SBOM_TYPE:
        return materials(content)
    if kind == STATEMENT_TYPE:
        return read(content, subject)
    envelope = opened(content)
    if envelope is None or envelope.payload_type != STATEMENT_TYPE:
        return Piece(about=UNKNOWN, why="it is no signed statement")
    piece = replace(read(envelope.payload, subject), signed=True)
    if piece.why or not keys:
        return piece
    signed = signed_bytes(envelope.payload)
    whose = (key for key in keys for one in envelope.signatures if key.signed(signed, one))
    signer = next(whose, None)
    why = "" if signer else "no trusted key made its signature, or it was changed since"
    return replace(piece, signer=signer.name if signer else "", why=why)
