"""Whether what a registry holds under an immutable tag was built from the key of that tag.

A tag holds twelve digits of a key only, and anybody who may push could have written it. An image
says its whole key in a label, which is in its configuration, whose digest the verdicts name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from factory.errors import PublishError
from factory.model import KEY_LABEL, Names, PlannedBuild, Publication
from factory.registry import Registry, place

_KEY = re.compile(r"[0-9a-f]{64}")


def is_known(
    known: Publication | None, planned: PlannedBuild, repository: str, digest: str
) -> bool:
    """Whether a manifest is the one that was published last for this build, of the same key."""
    return known is not None and (known.key, known.repository, known.manifest_digest) == (
        planned.key,
        repository,
        digest,
    )


def require_key(registry: Registry, names: Names, key: str, config_digest: str) -> None:
    """Refuse the image with this configuration under a build's tag, if its key is another one.

    Raises:
        PublishError: it has another key or none.
        RegistryError: its configuration cannot be had.
    """
    found = key_of(registry.blob(names.repository, config_digest))
    if found != key:
        says = f"key {found[:12]}" if found else "no key"
        raise PublishError(
            f"this tag holds an image of another key ({says}), planned is {key[:12]}",
            where=place(names.repository, names.immutable),
            todo="it is never overwritten: find out who pushed it and remove the tag from the "
            "registry, or choose another repository for the target, then run again",
        )


def key_of(configuration: bytes) -> str:
    """The key in an image's configuration; empty where there is none: tags are made of it."""
    key = labels_of(configuration).get(KEY_LABEL, "")
    return key if _KEY.fullmatch(key) else ""


def labels_of(configuration: bytes) -> Mapping[str, str]:
    """The labels in an image's configuration."""
    try:
        found = json.loads(configuration)["config"]["Labels"] or {}
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
