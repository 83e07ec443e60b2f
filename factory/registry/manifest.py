"""Manifests as registries hold them. Pure.

https://github.com/opencontainers/image-spec/blob/main/manifest.md
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

_DOCKER = "application/vnd.docker.distribution.manifest"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEXES = (f"{_DOCKER}.list.v2+json", OCI_INDEX)
"""Media types of an index of several images."""

ACCEPTED = (f"{_DOCKER}.v2+json", OCI_MANIFEST, *INDEXES)
"""Media types of all that a tag may name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A manifest, byte for byte, since its digest is theirs."""

    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return digest_of(self.content)


def document_of(content: bytes) -> dict[str, Any]:
    """The JSON object that these bytes are; empty where they are none, as strangers' may be."""
    try:
        document = read_json(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def read_json(content: bytes) -> Any:
    """What JSON says, if it says the same to all. Engines and registries, which are written in Go,
    do not mind the case of names and take the last of several: of ``config`` and ``Config`` they
    would go by the one, and we by the other.

    Raises:
        ValueError: it is no JSON, or names something twice.
        RecursionError: it is nested without end.
    """
    return json.loads(content, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name.casefold() for name, _ in pairs}) != len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def digest_of(content: bytes) -> str:
    """The digest by which a registry names these bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
