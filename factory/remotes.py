"""Targets that are not this machine: who we are there, and what has to be there before a push."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from factory.errors import FactoryError
from factory.model import Build, Ecr, Names, PlannedBuild, Project, Target
from factory.model.target import LOCAL
from factory.plan import filters_of
from factory.publish import Logins, sweep
from factory.registry import (
    Amazon,
    Credentials,
    Registry,
    docker_credentials,
    locate,
    remove,
)
from factory.settings import Settings


@dataclass(kw_only=True)
class Remotes:
    """What one run knows of them. Threads may share it.

    Attributes:
        project: what is published; without one Amazon is known by a host's name, and asked where
            Docker keeps nothing for it.
        note: tells the user something.
        connect: makes the client of an account's registry.
    """

    settings: Settings
    project: Project | None
    note: Callable[[str], None] = lambda _line: None
    connect: Callable[..., Amazon] = Amazon
    _amazons: dict[str, Amazon] = field(default_factory=dict)
    _kept: dict[str, Credentials | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _logins: Logins | None = None
    _warned: set[str] = field(default_factory=set)

    def client(self) -> Registry:
        """A client for all registries, with what is known of each."""
        return Registry(partial(self._find, again=True), pace=self._pace)

    def close(self) -> None:
        """Delete the credentials of this run, and those that killed ones have left."""
        with self._lock:
            if self._logins:
                self._logins.close()
            self._logins = None
        sweep(self.settings.cache / "logins")

    def environment(self, target: Target, repository: str) -> Mapping[str, str]:
        """Variables for a docker that moves something to or from a repository of a target.

        Raises:
            FactoryError: the credentials cannot be had.
        """
        if target.kind == LOCAL:
            return {}  # no login of ours: what the user gave docker will do
        with self._lock:
            self._logins = self._logins or Logins(self.settings.cache / "logins", self._find)
        return self._logins.environment(repository)

    def ready(self, target: Target, repository: str) -> Mapping[str, str]:
        """The same before a push: the repository is made where a registry wants that, and the push
        waits for its turn.

        Raises:
            FactoryError: the repository cannot be made, or the credentials cannot be had.
        """
        environment = self.environment(target, repository)
        self.prepare(target, repository)
        self._pace(repository)
        return environment

    def prepare(self, target: Target, repository: str) -> None:
        """Have a repository made where a registry wants that, before anything is brought there. Who
        uses ``client`` for that needs no more: it knows who we are, and waits for its turn.

        Raises:
            FactoryError: the repository cannot be made.
        """
        if target.ecr:
            amazon = self._amazon(locate(repository).key)
            assert amazon, "it has been made for each target in ECR"
            exclude = filters_of(target, self._builds, repository)
            name = locate(repository).name
            if amazon.ensure(name, exclude if target.ecr.immutable else (), target.ecr):
                self.note(f"made the repository {repository}")

    def absent(self, target: Target, builds: Iterable[PlannedBuild]) -> set[str]:
        """The keys of builds that a target surely does not hold, where many can be asked for in
        one question; elsewhere none.

        Raises:
            FactoryError: the question failed.
        """
        if target.ecr is None:
            return set()
        asked: dict[str, list[tuple[Names, PlannedBuild]]] = {}
        for one in builds:
            names = target.names(one)
            asked.setdefault(names.repository, []).append((names, one))
        missing = set()
        for repository, group in asked.items():
            amazon = self._amazon(locate(repository).key)
            assert amazon, "it has been made for each target in ECR"
            tags = [names.immutable for names, _ in group]
            found = amazon.digests(locate(repository).name, tags)
            missing |= {one.key for names, one in group if names.immutable not in found}
        return missing

    def remove(self, registry: Registry, target: Target, repository: str, digest: str) -> bool:
        """Remove a manifest at a target, and every tag that names it; whether it was there.

        Raises:
            RegistryError: the registry refused, failed, or removes nothing.
        """
        if target.ecr is None:
            return remove(registry, repository, digest)
        place = locate(repository)
        amazon = self._amazon(place.key)
        assert amazon, "it has been made for each target in ECR"
        return amazon.remove(place.name, digest)

    def warn_of_limits(self, registry: Registry, target: Target, repository: str) -> None:
        """Tell once that a registry will soon take no more requests."""
        left = registry.allowance(repository)
        if left and target.name not in self._warned and left.is_short(len(self._builds)):
            self._warned.add(target.name)
            self.note(f"`{target.name}`: {left}; a paid login has more, or none to count")

    @property
    def _builds(self) -> tuple[Build, ...]:
        return self.project.builds if self.project else ()

    def _find(self, key: str, *, again: bool = False) -> Credentials | None:
        amazon = self._amazon(key)
        if amazon and (self.project or self._docker(key, again=again) is None):
            return amazon.again() if again else amazon.token()
        return self._docker(key, again=again)

    def _docker(self, key: str, *, again: bool) -> Credentials | None:
        with self._lock:
            if key in self._kept and not again:
                return self._kept[key]
        found = docker_credentials(key)
        with self._lock:
            self._kept[key] = found
        return found

    def _amazon(self, key: str) -> Amazon | None:
        """The account's registry that answers at a host, if a target is there."""
        ecr = self._ecr(key)
        if ecr is None:
            return None
        with self._lock:
            if key not in self._amazons:
                self._amazons[key] = self.connect(ecr)
            return self._amazons[key]

    def _ecr(self, key: str) -> Ecr | None:
        if self.project is None:
            return Ecr.at(key)
        known = (target.ecr for target in self.project.matrix.targets)
        return next((ecr for ecr in known if ecr and ecr.host == key), None)

    def _pace(self, repository: str) -> None:
        amazon = self._amazon(locate(repository).key)
        if amazon:
            amazon.pace.wait()


def silently(question: Callable[[], set[str]]) -> set[str] | None:
    """The answer to a question that need not have one; ``None`` if it failed."""
    try:
        return question()
    except FactoryError:
        return None
