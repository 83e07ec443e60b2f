"""What the locks of some builds are to hold: asked level by level, base first, so that whatever
stands on a lock goes by it. Pure but for the asking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from factory.lock.lines import wishes_of
from factory.lock.places import Book, Key, Place, below_of, levels_of
from factory.lock.question import Answer, Question, Versions, versions_of
from factory.model import Lock

Ask = Callable[[Mapping[Question, str]], Mapping[Question, Answer]]
"""Questions, with what messages call them, to answers."""


def resolve(
    places: Iterable[Place], wanted: set[Key], known: Book, ask: Ask, *, upgrade: bool = False
) -> Book:
    """The new content of all places.

    A place that is not wanted keeps its lock, unless that does not fit any more, or something that
    it stands on has moved: then it is asked whether its versions still go.

    Args:
        places: all of the project.
        wanted: those that are to be locked.
        known: what is locked now, with the lists of what base images hold.
        upgrade: take the newest versions, not those that are locked if they still fit.
    """
    book, listed = dict(known), tuple(places)
    wishes = _wishes(listed)
    for level in levels_of(listed):
        questions: dict[Place, Question] = {}
        for place in level:
            below, old = below_of(place, book), book.get(place.key)
            moved = any(book.get(key) != known.get(key) for key in place.below)
            stays = place.key not in wanted and not moved and _stays(place, old, below or ())
            if below is None or stays or (old is None and place.key not in wanted):
                continue
            anew = upgrade and place.key in wanted
            questions[place] = question(place, below, () if anew else _kept(place, known))
        book |= _asked(questions, wishes, ask)
    return book


def _asked(
    questions: Mapping[Place, Question], wishes: Mapping[Key, frozenset[str]], ask: Ask
) -> Book:
    """The locks of a level. Places of one question are to share its answer, so it is asked with the
    wishes of them all; where these do not go together, with those of each."""
    shared: dict[Question, set[str]] = {}
    for place, bare in questions.items():
        shared.setdefault(bare, set()).update(wishes[place.key])
    first = {place: _wishing(bare, shared[bare]) for place, bare in questions.items()}
    answers = ask(labels(first))
    own = {
        place: _wishing(bare, wishes[place.key])
        for place, bare in questions.items()
        if not answers[first[place]].granted and shared[bare] != wishes[place.key]
    }
    answers = {**answers, **ask(labels(own))}
    return {place.key: answers[own.get(place, first[place])].lock for place in questions}


def _wishing(bare: Question, wishes: Iterable[str]) -> Question:
    return replace(bare, wishes=tuple(sorted(wishes)))


def question(place: Place, below: Versions, kept: Versions, *, fixed: bool = False) -> Question:
    """What is asked for a place."""
    return Question(
        asked=place.asked, python=place.cell.python, below=below, kept=kept, fixed=fixed
    )


def labels(questions: Mapping[Place, Question]) -> dict[Question, str]:
    """Distinct questions, each called by the first place that has it."""
    found: dict[Question, str] = {}
    for place, asked in questions.items():
        found.setdefault(asked, place.label)
    return found


def _kept(place: Place, known: Book) -> Versions:
    """What a place has locked, or another of its folder and Python: so that cells become equal."""
    own = known.get(place.key)
    others = (
        lock
        for (folder, cell), lock in known.items()
        if (folder, cell.python) == (place.asked.folder, place.cell.python)
    )
    found = own or next((lock for lock in others if lock), None)
    return versions_of([found] if found else [])


def _wishes(places: Iterable[Place]) -> dict[Key, frozenset[str]]:
    """What all that stands on a place asks for."""
    found: dict[Key, set[str]] = {}
    for place in places:
        found.setdefault(place.key, set())
        for key in place.below:
            found.setdefault(key, set()).update(wishes_of(place.asked.requirements))
    return {key: frozenset(lines) for key, lines in found.items()}


def _stays(place: Place, lock: Lock | None, below: Versions) -> bool:
    if lock is None:
        return True
    return lock.made_for == place.asked.digest and not lock.pins.keys() & dict(below).keys()
