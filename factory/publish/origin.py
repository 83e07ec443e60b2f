"""Whether what a floating tag named before was published by a factory, where no ledger knows.

Anybody who may push could have moved it by hand, and a tag must not be put back to what nobody
judged. But nothing gets an immutable tag that did not pass.
"""

from __future__ import annotations

from factory.errors import PublishError
from factory.model import KEY_DIGITS, Journal, Move
from factory.publish.keys import key_of
from factory.publish.manifest import config_digest
from factory.publish.tags import Tags
from factory.registry import place


def require_published(tags: Tags, journal: Journal, move: Move) -> None:
    """See that an immutable tag names what a floating one named before: that of its key.

    Raises:
        PublishError: none does.
        RegistryError: the registry failed, or what it named is gone.
    """
    where = place(move.repository, move.before or "")
    config = config_digest(tags.manifest_of(move, back=True), where)
    key = key_of(tags.registry.blob(move.repository, config))
    now = next(
        one
        for one in journal.publications
        if one.repository == move.repository and move.tag in one.floating
    )
    immutable = now.immutable.replace(now.key[:KEY_DIGITS], key[:KEY_DIGITS])
    if not key or tags.registry.head(move.repository, immutable) != move.before:
        raise PublishError(
            f"{move.tag} named an image of which nobody knows that it passed: it is not put back",
            where=where,
            todo="`invoke verify --ref` judges it; publish what should be there with "
            "`invoke publish`",
        )
