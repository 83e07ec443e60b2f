"""The second phase: the floating tags of a group move together, by a journal.

A registry has no compare-and-swap and no transaction. So what is about to move is written down
first, with what each tag named before. A tag is moved only if it still names that, and is read
back, and at the end all tags of the group are read once more. What a kill leaves half done is
finished, or put back, by what was written down.

Two publishers on two hosts may still write at the same time. Whoever writes last reads all tags
after that: so it sees a mixture, if there is one. Which of the two makes it whole is decided by
what both see alike, lest they write over each other for ever: the one whose set the first tag of
the group names. The other waits for that, and does it only if nothing changes. Whoever finds
nothing of its own any more has lost, and leaves the other's set alone.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from factory import process
from factory.errors import Interrupted, PublishError, RegistryError
from factory.model import Journal, Move, Stage
from factory.publish.origin import require_published
from factory.publish.tags import Found, Tags, each

_LOOKS = 24
"""How often a group that is contested is looked at before it is left to people."""

_PATIENCE = 3
"""How often a mixture has to be found the same, one after the other, before somebody writes over it
who has not its first tag: whoever has it is dead then, or had ended before this was written."""

_TODO = "then `invoke publish --resume` finishes it, or `invoke rollback` puts the tags back"


class Book(Protocol):
    """Where journals are kept. What it was told is on the disk when it returns."""

    def begin_journal(self, journal: Journal) -> Journal:
        """Write down what is about to move."""

    def mark_moved(self, number: int, place: str) -> None:
        """Write down that a tag was read back."""

    def end_journal(self, journal: Journal) -> None:
        """Write down how far all of it has come."""


def pause(look: int) -> None:
    """Wait before another look at a group that is contested: longer each time, and never as long as
    another publisher that does the same.

    Raises:
        Interrupted: the run was cancelled.
    """
    dice = random.uniform(0.2, 1.0)  # noqa: S311  # two have to differ, not to be secret
    until = time.monotonic() + dice * (1 + look / 2)
    while time.monotonic() < until:
        if process.is_cancelled():
            raise Interrupted("interrupted")
        time.sleep(0.05)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mover:
    """Moves the tags of a group, whose turn it has to be (``Tags.turn``).

    Attributes:
        tags: the group's.
        book: where journals are kept.
        pause: waits before the n-th look at a group that is contested.
    """

    tags: Tags
    book: Book
    pause: Callable[[int], None] = pause

    def begin(self, journal: Journal) -> Journal:
        """Move all that a new journal says.

        Returns:
            The journal, done, with the seconds in which the tags of the group differed.

        Raises:
            PublishError: what was pushed is gone or another image meanwhile, and nothing was moved;
                or another publisher moved them at the same time, and its set stands.
            RegistryError: a registry failed. If it did so after the first move, the journal is
                unfinished.
        """
        self.tags.require_judged(journal.moving)  # what can fail fails before the first move
        journal = self.book.begin_journal(journal)
        try:
            window, contested = self._forward(journal, live=True)
        except Overtaken:
            self.book.end_journal(replace(journal, stage=Stage.OVERTAKEN))
            raise
        except RegistryError as error:
            error.detail += (f"not all tags of {journal.group} have moved",)
            error.todo = "; ".join(filter(None, [error.todo, _TODO]))
            raise
        return self._done(journal, window, contested=contested)

    def resume(self, journal: Journal) -> Journal:
        """Finish what a dead run began: the same, if what it was about to publish is still there.

        Returns:
            The journal, done, or overtaken if others moved these tags since.

        Raises:
            PublishError: what was pushed is gone or another image, or some of the tags were moved
                by others since and some were not.
            RegistryError: a registry failed.
        """
        self.tags.require_judged(journal.publications)
        try:
            self._forward(journal, live=False)
        except Overtaken:
            ended = replace(journal, stage=Stage.OVERTAKEN)
            self.book.end_journal(ended)
            return ended
        since = datetime.fromisoformat(journal.at)
        return self._done(journal, (datetime.now(UTC) - since).total_seconds(), contested=False)

    def finish(self, journal: Journal, published: Callable[[Move], bool]) -> Journal:
        """Go on with what a dead run began: forward, or back if that was begun. See ``resume`` and
        ``undo``."""
        if journal.stage is Stage.RETURNING:
            return self.undo(journal, published)[0]
        return self.resume(journal)

    def undo(
        self, journal: Journal, published: Callable[[Move], bool]
    ) -> tuple[Journal, list[str]]:
        """Put tags back to what they named before: all of the group, or none if one of them was
        moved by others since.

        Args:
            published: whether the ledger knows what a tag named before as published.

        Returns:
            The journal, rolled back, and why tags stay that did not exist before, if the registry
            deletes none.

        Raises:
            PublishError: tags name something else since, or named something before of which
                nobody knows that it passed.
            RegistryError: a registry failed.
        """
        found = self.tags.read(journal.moves)
        foreign = [move for move in journal.moves if _is_foreign(move, found)]
        if foreign:
            raise _moved_since(foreign, found, "nothing of this group is rolled back")
        back = [move for move in reversed(journal.pending) if found[move.place] != move.before]
        for move in back:
            if move.before and not published(move):
                require_published(self.tags, journal, move)
        each(partial(self.tags.manifest_of, back=True), [move for move in back if move.before])
        if journal.stage is not Stage.RETURNING:
            journal = replace(journal, stage=Stage.RETURNING)
            self.book.end_journal(journal)
        reasons = each(self._return, back)
        left = {move.place: why for move, why in zip(back, reasons, strict=True) if why}
        found = self.tags.read(journal.moves)
        foreign = [move for move in journal.moves if _is_foreign(move, found)]
        if foreign:
            raise _moved_since(foreign, found, "they did so while it was rolled back")
        ended = replace(journal, stage=Stage.UNDONE, staying=tuple(left))
        self.book.end_journal(ended)
        return ended, [f"{place}: {why}" for place, why in left.items()]

    def _return(self, move: Move) -> str:
        """Put one tag back; why it could not be, where that is the registry's way."""
        registry, at = self.tags.registry, (move.repository, move.tag)
        if registry.head(*at) != move.after:
            return ""  # whoever moved it just now is dealt with at the end
        if move.before is None:
            return registry.untag(*at) or (registry.head(*at) and "it is still there") or ""
        registry.put(*at, self.tags.manifest_of(move, back=True))
        return ""

    def _done(self, journal: Journal, window: float, *, contested: bool) -> Journal:
        ended = replace(
            journal,
            moves=tuple(replace(move, moved=True) for move in journal.moves),
            stage=Stage.DONE,
            window=round(window, 3),
            contested=contested,
        )
        self.book.end_journal(ended)
        return ended

    def _forward(self, journal: Journal, *, live: bool) -> tuple[float, bool]:
        """Move what still names what it did, and see to the whole.

        Returns:
            The seconds from the first move to the last, and whether others had a hand in it.
        """
        since = time.monotonic()
        each(partial(self._move, journal), journal.pending)
        window = time.monotonic() - since
        contested = self._settle(journal, live=live)
        return time.monotonic() - since if contested else window, contested

    def _move(self, journal: Journal, move: Move) -> None:
        registry, at = self.tags.registry, (move.repository, move.tag)
        now = registry.head(*at)
        if now == move.before:
            registry.put(*at, self.tags.manifest_of(move))
            now = registry.head(*at)
        if now == move.after:
            self.book.mark_moved(journal.number, move.place)

    def _settle(self, journal: Journal, *, live: bool) -> bool:
        """See that all tags of the group name our set; whether others had a hand in it.

        Args:
            live: whether what was found before is seconds old, so that a mixture is made whole.

        Raises:
            PublishError: they name the other's, or people have to decide.
        """
        seen: Found = {}
        same = 0
        for look in range(_LOOKS):
            found = self.tags.read(journal.moves)
            strange = [move for move in journal.moves if found[move.place] != move.after]
            if not strange:
                return look > 0
            if not any(found[move.place] == move.after for move in journal.pending):
                raise _overtaken(strange, found)
            if not live and any(_is_foreign(move, found) for move in strange):
                raise _moved_since(strange, found, "what was begun is left as it is")
            same = same + 1 if found == seen else 0
            if same >= (1 if _leads(journal, found) else _PATIENCE):
                each(self._insist, strange)
                seen = {}
            else:
                seen = found
                self.pause(look)
        raise _moved_since(strange, found, f"the tags still differ after {_LOOKS} looks")

    def _insist(self, move: Move) -> None:
        self.tags.registry.put(move.repository, move.tag, self.tags.manifest_of(move))


class Overtaken(PublishError):
    """Another publisher's set stands, whole."""


class MovedSince(PublishError):
    """Tags of a group name neither what a journal says that they named nor what they were to.

    Attributes:
        found: what these tags name instead.
    """

    found: Found


def _leads(journal: Journal, found: Found) -> bool:
    """Whether the first tag of a group names what it is to by this journal."""
    first = min(journal.moves, key=lambda move: move.place)
    return found[first.place] == first.after


def _is_foreign(move: Move, found: Found) -> bool:
    return found[move.place] not in (move.before, move.after)


def _named(moves: Iterable[Move], found: Found) -> list[str]:
    return [f"{move.place} names {found.get(move.place) or 'nothing'}" for move in moves]


def _overtaken(moves: Sequence[Move], found: Found) -> Overtaken:
    return Overtaken(
        "another publisher moved these tags at the same time: its set stands, and nothing of ours",
        where=moves[0].place,
        todo="see which of the two should be there; `invoke publish` moves them to ours",
        detail=_named(moves, found),
    )


def _moved_since(moves: Sequence[Move], found: Found, what: str) -> MovedSince:
    error = MovedSince(
        f"somebody else moved floating tags of this group: {what}",
        where=moves[0].place,
        todo="let one publisher at a time move them: `invoke publish` moves the whole group to "
        "what is published from here",
        detail=_named(moves, found),
    )
    error.found = {move.place: found[move.place] for move in moves}
    return error
