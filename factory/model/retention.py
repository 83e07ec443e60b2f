"""What is kept at a target, by policy, and what was decided on each image there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """What of a target's images is kept, beside what floating tags name now.

    Attributes:
        keep_days: what a floating tag named within so many days.
        keep_last: of each build the last so many.
        ended: whether images of cells that left the matrix are kept all the same (``keep``), or
            go, with their floating tags, when the days are over (``remove``).
    """

    keep_days: int = 30
    keep_last: int = 3
    ended: str = "keep"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What becomes of one manifest.

    Attributes:
        repository: in full.
        digest: of the manifest.
        tags: all that name it now.
        build_id: the build that it is of; empty where nothing is known of it.
        keep: whether it stays.
        why: what keeps it, or that nothing does.
        attached: of what goes, the digests of what is attached to it and goes with it.
    """

    repository: str
    digest: str
    tags: tuple[str, ...]
    build_id: str
    keep: bool
    why: str
    attached: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What came of collecting.

    Attributes:
        target: its name.
        decisions: on each image there.
        removed: the digests that were removed; none where it was not asked for.
        applied: whether it was.
        hindrance: why nothing can be removed there from here, and what removes it; else empty.
    """

    target: str
    decisions: tuple[Decision, ...]
    removed: tuple[str, ...] = ()
    applied: bool = False
    hindrance: str = ""
