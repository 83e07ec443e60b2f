"""What there is that is newer than what is locked. Pure but for the asking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from factory.lock.places import Book, Key, Place, below_of
from factory.lock.question import Answer, Question, versions_of
from factory.lock.resolve import Ask, question, resolve
from factory.model import Lock, Outdated, lock_path


def newer_packages(
    places: Iterable[Place], files: Mapping[str, Lock], book: Book, ask: Ask
) -> Iterator[tuple[Outdated, set[Key]]]:
    """Each package of a lock that would be another by ``invoke lock --upgrade``, with the places
    that would be.

    Args:
        places: those that are locked, and fit.
        files: all lock files.
        book: what they say of all places.
    """
    listed = tuple(places)
    newest = resolve(listed, {place.key for place in listed}, book, ask, upgrade=True)
    found: dict[Outdated, set[Key]] = {}
    for place in listed:
        now, then = book[place.key], newest[place.key]
        path = lock_path(*place.key, files)
        if now and then and path:
            for one in _moved(path, now, then):
                found.setdefault(one, set()).add(place.key)
    yield from found.items()


def _moved(path: str, now: Lock, then: Lock) -> Iterator[Outdated]:
    for name, pin in now.pins.items():
        other = then.pins.get(name)
        if other and other.version != pin.version:
            yield Outdated(
                kind="package", name=name, now=pin.version, newest=other.version, where=path
            )


def yanked_packages(
    files: Mapping[str, Lock], book: Book, answers: Mapping[Place, Answer]
) -> Iterator[tuple[Outdated, set[Key]]]:
    """Each package of a lock whose version was taken back, with the places that have it."""
    found: dict[Outdated, set[Key]] = {}
    for place, answer in answers.items():
        lock, path = book[place.key], lock_path(*place.key, files)
        if lock and path:
            for one in _taken_back(path, lock, answer):
                found.setdefault(one, set()).add(place.key)
    yield from found.items()


def _taken_back(path: str, lock: Lock, answer: Answer) -> Iterator[Outdated]:
    for name, reason in answer.yanked.items():
        if name in lock.pins:
            now = lock.pins[name].version
            yield Outdated(kind="yanked", name=name, now=now, where=path, reason=reason.strip('"'))


def as_locked(places: Iterable[Place], book: Book) -> dict[Place, Question]:
    """The questions by which uv tells of what is locked."""
    found: dict[Place, Question] = {}
    for place in places:
        below, lock = below_of(place, book), book.get(place.key)
        if below is not None and lock:
            found[place] = question(place, below, versions_of([lock]), fixed=True)
    return found
