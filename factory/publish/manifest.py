"""What a published manifest says of its image."""

from __future__ import annotations

from factory.errors import PublishError
from factory.registry import INDEXES, Manifest, read_json


def config_digest(manifest: Manifest, where: str) -> str:
    """The digest of the configuration of the one image that a manifest describes.

    Raises:
        PublishError: it is an index of several images, or no manifest at all.
    """
    try:
        document = read_json(manifest.content)
        if manifest.media_type in INDEXES or "manifests" in document:
            raise PublishError(
                "this is an index of several images, and only single ones are judged",
                where=where,
                todo="push it under another tag, or choose another target: it is left as it is",
            )
        return str(document["config"]["digest"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PublishError(
            f"this is not the manifest of an image ({manifest.media_type or 'of no stated type'})",
            where=where,
            todo="see what was pushed there: it is left as it is",
        ) from error
