"""What commands about locks go by: what the project asks for, with the host's package sources, the
registries and the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from factory import base, lock
from factory.answers import answers_to
from factory.build import asking, host_sources
from factory.context import Contents
from factory.errors import ConfigError
from factory.lock import Answer, Book, Question
from factory.matrix import select
from factory.model import Build, Cell, Lock, Project, Selection
from factory.planning import planned, upstream
from factory.project import all_builds, load, lock_files
from factory.registry import Registry, split_tag
from factory.scheduler import Observer
from factory.settings import Settings
from factory.uv import Asking

_AT_ONCE = 2
"""How many questions uv is asked at once: it resolves on all cores by itself."""

_LOOKED_UP = 16

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Locker:
    """What a command about locks goes by.

    Attributes:
        builds: all of the project's; ``chosen`` are those that were selected.
        files: every lock there is, by path.
        asking: whom uv asks.
    """

    settings: Settings
    observer: Observer
    project: Project
    builds: tuple[Build, ...]
    chosen: tuple[Build, ...]
    files: Mapping[str, Lock]
    asking: Asking

    @classmethod
    def of(cls, settings: Settings, selection: Selection, observer: Observer) -> Locker:
        """Read the project.

        Raises:
            ConfigError: it is wrong, or its base may come from here or there.
        """
        project = load(settings)
        if project.matrix.base.source == "auto":
            raise ConfigError(
                "locks are made for one kind of base, and `base.source: auto` may mean either",
                where="matrix.yaml",
                todo="set `base.source` to `registry` or to `packages`",
            )
        builds = all_builds(project)
        files = lock_files(settings.root, project.images.values())
        return cls(
            settings=settings,
            observer=observer,
            project=project,
            builds=builds,
            chosen=tuple(select(builds, selection)),
            files=lock.read_locks(settings.root, files),
            asking=asking(host_sources()),
        )

    @property
    def places(self) -> tuple[lock.Place, ...]:
        """Where packages are asked for."""
        return lock.places_of(self.project, self.builds)

    @property
    def wanted(self) -> tuple[lock.Place, ...]:
        """Those of what was selected."""
        return lock.places_of(self.project, self.chosen)

    def book(self) -> Book:
        """What is locked now."""
        keys = {key for place in self.places for key in (*place.below, place.key)}
        return lock.current(keys, self.files)

    def image(self, cell: Cell) -> str:
        """The base image of a cell, by a tag."""
        return upstream(self.project, cell)

    def tags(self, builds: Sequence[Build]) -> dict[str, list[Build]]:
        """Every image that the templates of some builds name by a tag, and these builds."""
        bare = replace(self.project, locks={}, bases={})
        plan = planned(bare, builds, {}, Contents(self.settings.root)).whole()
        found: dict[str, list[Build]] = {}
        for one in plan.builds:
            for name in plan.steps[one.key].moving:
                if "#" not in name:  # that is a git repository
                    found.setdefault(name, []).append(one.build)
        return found

    def digests(self, names: Iterable[str]) -> dict[str, str]:
        """What tags stand for now, by HEAD."""
        registry = Registry()
        questions = {name: partial(base.resolve, registry, *split_tag(name)) for name in names}
        works = {name: _quiet(question) for name, question in questions.items()}
        return answers_to(works, "look up", _LOOKED_UP, self.observer)

    def lists(self, bases: Mapping[str, str]) -> Book:
        """What the base images hold on which packages are to be installed: as it was listed for the
        same digest, or asked of the images."""
        if self.project.matrix.base.substituted:
            return {}
        cells = {place.cell: self.image(place.cell) for place in self.wanted}
        known = {each.made_for: each for each in self.files.values()}
        images = dict.fromkeys(cells.values())
        asked = {image: bases[image] for image in images if bases[image] not in known}
        works = {
            image: _quiet(partial(lock.packages_in, image, pin)) for image, pin in asked.items()
        }
        found = known | {
            each.made_for: each
            for each in answers_to(works, "look into", _AT_ONCE, self.observer).values()
        }
        return {(lock.LISTS, cell): found[bases[image]] for cell, image in cells.items()}

    def ask(self, questions: Mapping[Question, str]) -> dict[Question, Answer]:
        """What uv answers."""
        found = answers_to(self._works(questions), "lock", _AT_ONCE, self.observer)
        return {question: found[label] for question, label in questions.items()}

    def try_(self, questions: Mapping[Question, str]) -> dict[Question, Answer | ConfigError]:
        """What uv answers, be it that there is no answer."""
        works = {label: _tried(work) for label, work in self._works(questions).items()}
        found = answers_to(works, "check", _AT_ONCE, self.observer)
        return {question: found[label] for question, label in questions.items()}

    def _works(
        self, questions: Mapping[Question, str]
    ) -> dict[str, Callable[[Callable[[str], None]], Answer]]:
        root = self.settings.root
        return {
            label: partial(lock.answer, question, self.asking, root)
            for question, label in questions.items()
        }


def _quiet(question: Callable[[], T]) -> Callable[[Callable[[str], None]], T]:
    return lambda _log: question()


def _tried(
    work: Callable[[Callable[[str], None]], T],
) -> Callable[[Callable[[str], None]], T | ConfigError]:
    def run(log: Callable[[str], None]) -> T | ConfigError:
        try:
            return work(log)
        except ConfigError as error:
            return error

    return run
