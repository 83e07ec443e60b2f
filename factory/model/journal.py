"""Which floating tags move together, and what was about to move when it was written down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from factory.model.cell import Build
from factory.model.record import Publication


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Builds whose floating tags move together, or not at all.

    Attributes:
        name: a cohort's, or that of what it is otherwise; unique in a matrix.
        builds: all of it, whatever a run selects.
    """

    name: str
    builds: tuple[Build, ...]


class Stage(StrEnum):
    """How far the moves of a journal have come."""

    MOVING = "moving"
    DONE = "done"
    RETURNING = "being rolled back"
    UNDONE = "rolled back"
    OVERTAKEN = "overtaken"
    """Others moved these tags since, all of them."""


UNFINISHED = (Stage.MOVING, Stage.RETURNING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """One floating tag at one target.

    Attributes:
        target: its name in ``matrix.yaml``.
        repository, tag: which.
        before: the digest of the manifest that it named, or ``None`` if it did not exist.
        after: the one that it is to name. Equal to ``before`` where there is nothing to move: that
            it still names it is a part of the group's being whole.
        moved: whether it was read back and found to name ``after``.
    """

    target: str
    repository: str
    tag: str
    before: str | None
    after: str
    moved: bool = False

    @property
    def place(self) -> str:
        """Its full name."""
        return f"{self.repository}:{self.tag}"

    @property
    def pending(self) -> bool:
        """Whether it is to name something else than before."""
        return self.before != self.after


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """What a run is about to move, written down before the first tag moves.

    Attributes:
        run: the id of the run.
        group: the name of the group.
        publications: what is published when all has moved, one for each build and target.
        moves: every floating tag of the group at every target.
        at: when it was written.
        stage: how far it has come.
        window: the seconds from the first move to the last, in which the tags of the group
            differed; ``None`` until all have moved.
        contested: whether another publisher moved some of them at the same time.
        staying: once rolled back, the full names of the tags that did not exist before and that
            the registry does not delete: they still name what was published.
        number: the ledger's, 0 until it is written.
    """

    run: str
    group: str
    publications: tuple[Publication, ...]
    moves: tuple[Move, ...]
    at: str
    stage: Stage = Stage.MOVING
    window: float | None = None
    contested: bool = False
    staying: tuple[str, ...] = ()
    number: int = 0

    @property
    def pending(self) -> tuple[Move, ...]:
        """Those that change what they name."""
        return tuple(move for move in self.moves if move.pending)

    @property
    def moving(self) -> tuple[Publication, ...]:
        """What these are to name."""
        tags = {(move.repository, move.tag) for move in self.pending}
        return tuple(
            one
            for one in self.publications
            if any((one.repository, tag) in tags for tag in one.floating)
        )

    @property
    def places(self) -> frozenset[str]:
        """The full names of all its tags."""
        return frozenset(move.place for move in self.moves)
