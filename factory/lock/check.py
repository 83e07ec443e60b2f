"""What is wrong with the locks that there are. Pure but for the asking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from factory.errors import ConfigError
from factory.lock.places import Book, Place, below_of
from factory.lock.question import Answer, Question, versions_of
from factory.lock.resolve import labels, question
from factory.model import Lock, lock_path

Try = Callable[[Mapping[Question, str]], Mapping[Question, Answer | ConfigError]]
"""Like ``Ask``; what cannot be had is an answer as well."""


def mistakes(places: Iterable[Place], files: Mapping[str, Lock], book: Book, ask: Try) -> list[str]:
    """What is wrong with the locks of some places, a line each.

    Args:
        files: all lock files.
        book: what they say of all places.
    """
    found: dict[str, None] = {}  # cells that share a file share what is wrong with it
    questions: dict[Place, Question] = {}
    paths: dict[Place, str] = {}
    for place in places:
        path = lock_path(*place.key, files)
        lock = book.get(place.key)
        if path is None or lock is None:
            found[f"{place.asked.folder}: there is no lock for {place.cell.id}"] = None
            continue
        wrong = list(_unfit(place, lock, book, files))
        found |= dict.fromkeys(f"{path}: {each}" for each in wrong)
        below = below_of(place, book)
        if not wrong and below is not None:
            questions[place] = question(place, below, versions_of([lock]), fixed=True)
            paths[place] = path
    answers = ask(labels(questions))
    for place, asked in questions.items():
        for each in _unlike(files[paths[place]], answers[asked]):
            found[f"{paths[place]}: {each}"] = None
    return list(found)


def _unfit(place: Place, lock: Lock, book: Book, files: Mapping[str, Lock]) -> Iterator[str]:
    if lock.made_for != place.asked.digest:
        yield "it was made for other requirements"
        return
    for key in place.below:
        under = book.get(key)
        if under is None:
            yield f"there is no lock of what it stands on in {place.cell.id}, in {key[0]}"
            continue
        for name in lock.pins.keys() & under.pins.keys():
            here, there = lock.pins[name].version, under.pins[name].version
            which = f"contradicts {there}" if here != there else "repeats what is"
            yield f"{name} {here} {which} in {lock_path(*key, files)}"


def _unlike(lock: Lock, answer: Answer | ConfigError) -> Iterator[str]:
    """How a lock is not what uv makes of it, its versions being given."""
    if isinstance(answer, ConfigError):
        yield "\n  | ".join(["it no longer resolves", *answer.detail])
        return
    for name in sorted(lock.pins.keys() | answer.lock.pins.keys()):
        ours, theirs = lock.pins.get(name), answer.lock.pins.get(name)
        if ours is None and theirs:
            yield f"{name}, which is needed, is missing"
        elif theirs is None:
            yield f"{name} is in it, and nothing asks for it"
        elif ours and not set(ours.hashes) <= set(theirs.hashes):
            yield f"{name} {ours.version} has a hash that no package source knows"
        elif ours and ours.exact != theirs.exact:
            yield f"{name} {ours.version} is to be written with {'===' if theirs.exact else '=='}"
