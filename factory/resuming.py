"""Finishing what a killed publication began, and putting floating tags back. Needs no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from factory.errors import ConfigError, PublishError
from factory.ledger import Ledger
from factory.model import UNFINISHED, Journal, Move, Outcome, Publication, Stage, State
from factory.moving import failed_since, moved, require_none_failed
from factory.project import project_of
from factory.publish import MovedSince, Mover, Tags, local
from factory.registry import Registry, place
from factory.remotes import Remotes
from factory.scheduler import Observer, Work, execute
from factory.settings import Settings
from factory.signals import terminable

Log = Callable[[str], None]
Result = tuple[State, str]

_SHOWN = 3
"""How many runs are named to choose from, or to be rolled back first."""


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """What became of some journals, and how they are now."""

    outcomes: tuple[Outcome, ...]
    journals: tuple[Journal, ...]


@dataclass(frozen=True, kw_only=True)
class Resuming:
    """What it takes to deal with journals: they name all that they need themselves."""

    settings: Settings
    ledger: Ledger
    registry: Callable[[], Registry]

    def works(self) -> Iterator[Work]:
        """What finishes each journal that is not finished."""
        for journal in self.ledger.unfinished():
            yield Work(verb="finish", subject=_subject(journal), run=partial(self.finish, journal))

    def finish(self, journal: Journal, log: Log) -> Result:
        """Go on with one: forward, or back if that was begun.

        Raises:
            PublishError: that cannot be done, and why.
            RegistryError: a registry failed.
        """
        with self._turn(journal, log) as (mover, now):
            if now.stage not in UNFINISHED:
                return State.CACHED, f"it is {now.stage} meanwhile"
            if now.stage is Stage.RETURNING:
                return self._undone(mover, now)
            require_none_failed(self.ledger, now)
            ended = mover.resume(now)
            if ended.stage is Stage.OVERTAKEN:
                return State.DONE, "others moved all of these tags since: they are left as they are"
            return State.DONE, moved(ended)

    def undo(self, journal: Journal, log: Log) -> Result:
        """Put what one has moved back to what it was before.

        Raises:
            PublishError: that cannot be done, and why; then nothing of the group was put back but
                where tags are new and the registry deletes none: then all others were.
            RegistryError: a registry failed.
        """
        with self._turn(journal, log) as (mover, now):
            if now.stage is Stage.UNDONE and not now.staying:
                return State.CACHED, "it was rolled back before"
            return self._undone(mover, now)

    def forget(self, journal: Journal, _log: Log) -> Result:
        """Give one up that cannot be finished any more, such as of a target that is no more: no
        registry is asked, and every tag stays as it is."""
        now = self.ledger.journal(journal.number) or journal
        if now.stage not in UNFINISHED:
            return State.CACHED, f"it is {now.stage} already"
        self.ledger.end_journal(replace(now, stage=Stage.OVERTAKEN))
        left = ", ".join(place(move.repository, move.tag) for move in now.moves)
        return State.DONE, f"given up; look after these tags yourself: {left}"

    def _undone(self, mover: Mover, journal: Journal) -> Result:
        try:
            ended, left = mover.undo(journal, self._passed)
        except MovedSince as error:
            later = self._later(journal, error.found)
            if not later:
                raise
            raise _out_of_order(journal, later, error) from error
        count = len(ended.pending) - len(left)
        back = f"{count} tag{'' if count == 1 else 's'} put back"
        if not left:
            failed = failed_since(self.ledger, self._before(ended))
            return State.DONE, "; but ".join([back, *failed])
        raise PublishError(
            f"{back}, but {len(left)} that did not exist before "
            f"stay{'s' if len(left) == 1 else ''}, and name{'s' if len(left) == 1 else ''} what "
            "was published",
            where=ended.staying[0],
            todo="delete them by the registry's own means, then let the ledger know: "
            f"`invoke rollback --run {journal.run}`",
            detail=left,
        )

    def _later(self, journal: Journal, found: Mapping[str, str | None]) -> list[str]:
        """Our own runs, newest first, that moved tags of a journal since; none if one of the tags
        names what none of these put there: then others did.

        Args:
            found: what tags name that this journal knows nothing of.
        """
        since = [
            one
            for one in self.ledger.journals()
            if one.number > journal.number and one.stage in (Stage.DONE, *UNFINISHED)
        ]
        put = {(move.place, move.after) for one in since for move in one.pending}
        if not put.issuperset(found.items()):
            return []
        ours = (one for one in reversed(since) if _moved_any(one, journal.places))
        return list(dict.fromkeys(one.run for one in ours))

    def _passed(self, move: Move) -> bool:
        return self._known(move) is not None

    def _known(self, move: Move) -> Publication | None:
        return self.ledger.known(move.repository, move.before, move.target)

    def _before(self, journal: Journal) -> Iterator[Publication]:
        """What tags that were put back name again, as far as the ledger knows it."""
        yield from filter(None, map(self._known, journal.pending))

    @contextmanager
    def _turn(self, journal: Journal, log: Log) -> Iterator[tuple[Mover, Journal]]:
        """A journal as it is when nobody else on this machine is at its tags."""
        ours = self.settings.registry
        if any(move.repository.startswith(f"{ours}/") for move in journal.moves):
            local.ensure(self.settings)
        tags = Tags(registry=self.registry(), locks=self.settings.cache / "publishing")
        with tags.turn(journal.moves, log):
            now = self.ledger.journal(journal.number) or journal
            yield Mover(tags=tags, book=self.ledger), now


def resume(settings: Settings, observer: Observer) -> Resumed:
    """Finish all that was begun: ``invoke publish --resume``.

    Raises:
        ConfigError: there is no project here.
    """
    with _opened(settings) as resuming:
        unfinished = resuming.ledger.unfinished()
        outcomes = execute(resuming.works(), {}, observer) if unfinished else ()
        return _resumed(resuming, outcomes, unfinished)


def rollback(
    settings: Settings, run: str | None, observer: Observer, *, forget: bool = False
) -> Resumed:
    """Put the tags that a run moved back to what they named before: ``invoke rollback``.

    Args:
        run: its id; without one, that of the last run that moved any.
        forget: give up what that run has not finished, and leave all tags as they are.

    Raises:
        ConfigError: there is no such run, none is named where it is to be given up, or there is no
            project here.
    """
    if forget and not run:
        raise ConfigError(
            "--forget wants a run to give up", todo="name it as --run: `invoke status` shows which"
        )
    with _opened(settings) as resuming:
        everything = resuming.ledger.journals()
        wanted = run or next((one.run for one in reversed(everything)), "")
        journals = [one for one in everything if one.run == wanted]
        if run and not journals:
            raise ConfigError(
                f"no run {run!r} moved any tags from here",
                todo=_choice([one.run for one in everything]),
            )
        act = resuming.forget if forget else resuming.undo
        works = [
            Work(verb="undo", subject=_subject(journal), run=partial(act, journal))
            for journal in reversed(journals)
        ]
        outcomes = execute(works, {}, observer) if works else ()
        return _resumed(resuming, outcomes, journals)


@contextmanager
def _opened(settings: Settings) -> Iterator[Resuming]:
    path = project_of(settings).state / "ledger.sqlite"
    with terminable(), Ledger.open(path) as ledger:
        registry = Remotes(settings=settings, project=None).client()
        yield Resuming(settings=settings, ledger=ledger, registry=lambda: registry)


def _resumed(
    resuming: Resuming, outcomes: Sequence[Outcome], journals: Sequence[Journal]
) -> Resumed:
    numbers = {one.number for one in journals}
    now = (one for one in resuming.ledger.journals() if one.number in numbers)
    return Resumed(outcomes=tuple(outcomes), journals=tuple(now))


def _subject(journal: Journal) -> str:
    return f"{journal.group} of run {journal.run}"


def _moved_any(journal: Journal, places: frozenset[str]) -> bool:
    return any(move.place in places for move in journal.pending)


def _out_of_order(journal: Journal, later: Sequence[str], error: PublishError) -> PublishError:
    """What is put back is what was there before, so that the last run goes first."""
    shown = [f"`invoke rollback --run {run}`" for run in later[:_SHOWN]]
    more = ["the older ones that `invoke runs` lists"] if len(later) > _SHOWN else []
    return PublishError(
        f"run {later[0]} moved floating tags of this group since, and is rolled back before this "
        "one: nothing was put back",
        where=error.where,
        todo=", then ".join([*shown, *more, f"`invoke rollback --run {journal.run}`"]),
        detail=error.detail,
    )


def _choice(runs: Sequence[str]) -> str:
    last = list(dict.fromkeys(reversed(runs)))[:_SHOWN]
    return f"name one of the last: {', '.join(last)}" if last else "nothing was published from here"
