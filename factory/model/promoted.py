"""What came of copying images from one target to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from factory.model.journal import Journal
from factory.model.outcome import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Promoted:
    """A promotion that ended.

    Attributes:
        source, target: from where to where, by their names.
        outcomes: of ``promote``, which brings an image there, and of ``move``, which moves its
            floating tags.
        groups: build id to the name of the group whose floating tags move together.
        journals: of the floating tags that it moved.
        absent: ids of builds that are not published at the source.
        mounted, sent: blobs that moved within one registry, and those that went over the wire.
        sent_bytes: what went over the wire of blobs.
    """

    source: str
    target: str
    outcomes: tuple[Outcome, ...]
    groups: Mapping[str, str]
    journals: tuple[Journal, ...] = ()
    absent: tuple[str, ...] = ()
    mounted: int = 0
    sent: int = 0
    sent_bytes: int = 0
