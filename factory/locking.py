"""`lock`, `lock --check` and `outdated`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from factory import lock
from factory.lock import Book, Key
from factory.locker import Locker
from factory.locks import hold
from factory.model import BASES_LOCK, Cell, Outdated, Selection, asked_by, lock_path
from factory.scheduler import Observer
from factory.settings import Settings
from factory.signals import terminable

_SHOWN = 19
"""Of a digest: as much as tells two apart."""


def write_locks(
    settings: Settings, selection: Selection, observer: Observer, *, upgrade: bool = False
) -> list[str]:
    """Make the locks of some builds, all or none; says what has changed, a line each.

    Args:
        upgrade: take what is newest, not what is locked if it still fits.

    Raises:
        ConfigError: the project is wrong, or what it asks for cannot be had.
        MachineError: no index or registry answers, or a base image is not there to be looked into.
    """
    with hold(settings.state / "lock.lock"), terminable():
        locker = Locker.of(settings, selection, observer)
        old = locker.project.bases
        bases = _pinned(locker, upgrade)
        book = locker.book() | locker.lists(bases)
        wanted = {place.key for place in locker.wanted}
        book = lock.resolve(locker.places, wanted, book, locker.ask, upgrade=upgrade)
        files = lock.named(book)
        texts = {path: each.text() for path, each in files.items()}
        texts |= {BASES_LOCK: json.dumps(bases, indent=2, sort_keys=True) + "\n"} if bases else {}
        gone = [*(locker.files.keys() - files.keys()), *([] if bases else [BASES_LOCK])]
        lock.write_files(settings.root, texts, gone=gone)
        return [*_moved(old, bases), *lock.changes(locker.files, files)]


def _pinned(locker: Locker, upgrade: bool) -> dict[str, str]:
    """What the tags of images stand for. What was locked stays unless it is to be the newest, and
    goes once nothing names it."""
    old, names = locker.project.bases, locker.tags(locker.chosen)
    everything = len(locker.chosen) == len(locker.builds)
    kept = {name: pin for name, pin in old.items() if name in names or not everything}
    return kept | locker.digests(name for name in names if upgrade or name not in old)


def _moved(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            was, now = (pins.get(name, "(not locked)")[:_SHOWN] for pins in (old, new))
            yield f"{name} {was} → {now} in {BASES_LOCK}"


def check_locks(settings: Settings, selection: Selection, observer: Observer) -> list[str]:
    """What is wrong with the locks of some builds, a line each; writes nothing.

    Raises:
        ConfigError: the project is wrong, or a lock is no whole one.
        MachineError: no index answers.
    """
    with terminable():
        locker = Locker.of(settings, selection, observer)
        book, bases = locker.book(), locker.project.bases
        names, everything = locker.tags(locker.chosen), locker.tags(locker.builds)
        found = [f"{BASES_LOCK}: {name} is not in it" for name in names if name not in bases]
        found += [
            f"{BASES_LOCK}: {name} is in it, and nothing names it"
            for name in bases
            if name not in everything
        ]
        found += _unlisted(locker, book)
        used = {lock_path(*key, locker.files) for key in book}
        found += [f"{path}: no cell uses it" for path in locker.files if path not in used]
        return [*found, *lock.mistakes(locker.wanted, locker.files, book, locker.try_)]


def _unlisted(locker: Locker, book: Book) -> Iterator[str]:
    """The lists of base images that are missing, or of another digest."""
    cells = {place.cell for place in locker.wanted if (lock.LISTS, place.cell) in place.below}
    for cell in sorted(cells, key=lambda cell: cell.id):
        image = locker.image(cell)
        if locker.project.matrix.base.substituted:
            return
        listed, digest = book.get((lock.LISTS, cell)), locker.project.bases.get(image)
        if digest and (listed is None or listed.made_for != digest):
            yield f"{lock.LISTS}: the packages of {image} are not listed as of its digest"


def find_outdated(
    settings: Settings, selection: Selection, observer: Observer
) -> tuple[Outdated, ...]:
    """What is not the newest any more, and which builds each would make anew.

    Raises:
        ConfigError: the project is wrong, or a lock does not fit or resolve.
        MachineError: no index or registry answers.
    """
    with terminable():
        locker = Locker.of(settings, selection, observer)
        book = locker.book()
        places = tuple(place for place in locker.wanted if book[place.key])
        questions = lock.as_locked(places, book)
        told = locker.ask(lock.labels(questions))
        answers = {place: told[question] for place, question in questions.items()}
        newer = [
            *lock.newer_packages(places, locker.files, book, locker.ask),
            *lock.yanked_packages(locker.files, book, answers),
        ]
        rays = lock.newer_rays([build.cell for build in locker.chosen], locker.asking)
        return (
            *_moved_bases(locker),
            *(replace(one, builds=_ids(locker, cells.__contains__)) for one, cells in rays),
            *(replace(one, builds=_standing_on(locker, keys)) for one, keys in newer),
        )


def _moved_bases(locker: Locker) -> Iterator[Outdated]:
    names, bases = locker.tags(locker.chosen), locker.project.bases
    for name, newest in locker.digests(name for name in names if name in bases).items():
        if newest != bases[name]:
            builds = tuple(build.id for build in names[name])
            yield Outdated(
                kind="base",
                name=name,
                now=bases[name],
                newest=newest,
                where=BASES_LOCK,
                builds=builds,
            )


def _standing_on(locker: Locker, keys: set[Key]) -> tuple[str, ...]:
    """The builds of which one of some places is a step."""
    return tuple(
        build.id
        for build in locker.chosen
        if any((asked.folder, build.cell) in keys for asked in asked_by(locker.project, build))
    )


def _ids(locker: Locker, chosen: Callable[[Cell], bool]) -> tuple[str, ...]:
    return tuple(build.id for build in locker.chosen if chosen(build.cell))
