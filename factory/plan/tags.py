"""The tags of builds, at every target, and that no two builds share one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from factory.errors import ConfigError
from factory.model import KEY_DIGITS, Build, Cell, Naming, Pattern, PlannedBuild, Target
from factory.model.naming import patterns_that_fit
from factory.plan.filters import filters_of

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_LONGEST_REPOSITORY = 255
"""The reference grammar: https://github.com/distribution/reference/blob/main/reference.go"""


def immutable_tag(build: Build, key: str) -> str:
    """Cell id and key: names one content for ever."""
    return Naming().immutable_of(build, key)


def floating_tags(build: Build, latest: Cell | None) -> tuple[str, ...]:
    """The tags that move to whatever passed last: the cell id, and ``latest`` for its cell."""
    return Naming(latest=latest).floating_of(build)


def check_unique(builds: Iterable[PlannedBuild], targets: Sequence[Target] = ()) -> None:
    """No tag of a repository may belong to two builds.

    Raises:
        ConfigError: one does.
    """
    owner: dict[tuple[str, str], str] = {}
    for planned in builds:
        here = [(planned.build.image, planned.immutable, planned.floating)]
        for target in targets:
            names = target.names(planned)
            here.append((f"{target.name} {names.repository}", names.immutable, names.floating))
        for repository, immutable, floating in here:
            for tag in (immutable, *floating):
                other = owner.setdefault((repository, tag), planned.build.id)
                if other != planned.build.id:
                    raise ConfigError(
                        f"{other} and {planned.build.id} would both be tagged {tag}",
                        todo="give the axes values that differ",
                    )


def check_names(targets: Sequence[Target], builds: Sequence[Build]) -> None:
    """What all builds of a matrix are called at all targets are names, and nobody else's.

    A tag that floats is nobody else's in its repository, and could never be an immutable one,
    whatever the keys. Two images share a repository only where every tag names its image.

    Raises:
        ConfigError: it is not so.
    """
    register = _Register()
    for target in targets:
        if target.naming:
            for build in builds:
                register.enter(target, target.naming, build)
    register.check_floating()
    for target in targets:
        if target.ecr and target.ecr.create and target.ecr.immutable:
            for repository in dict.fromkeys(target.repository_of(build) for build in builds):
                filters_of(target, builds, repository)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Owner:
    """Whose a name is."""

    target: Target
    naming: Naming
    build: Build


@dataclass
class _Register:
    """All names so far."""

    images: dict[str, _Owner] = field(default_factory=dict)
    patterns: dict[tuple[str, Pattern], _Owner] = field(default_factory=dict)
    floating: dict[tuple[str, str], _Owner] = field(default_factory=dict)

    def enter(self, target: Target, naming: Naming, build: Build) -> None:
        owner = _Owner(target=target, naming=naming, build=build)
        repository = target.repository_of(build)
        self._check_repository(repository, owner)
        pattern = naming.pattern_of(build)
        _check_tag(pattern.before + "0" * KEY_DIGITS + pattern.after, owner, "tag")
        other = self.patterns.setdefault((repository, pattern), owner)
        if other.target is not target:
            raise _two_targets(repository, other, owner)
        for tag in naming.floating_of(build):
            _check_tag(tag, owner, "floating")
            other = self.floating.setdefault((repository, tag), owner)
            if other.target is not target:
                raise _two_targets(repository, other, owner)
            if other.build != build:
                raise _one_tag(f"{repository}:{tag}", other, owner)

    def _check_repository(self, repository: str, owner: _Owner) -> None:
        first = self.images.get(repository)
        if first is None:
            _check_repository(repository, owner)
            self.images[repository] = owner
        elif first.build.image != owner.build.image:
            naming = owner.naming
            bare = [one for one in (naming.tag, *naming.floating) if "{image}" not in one]
            if bare:
                raise ConfigError(
                    f"{first.build.id} and {owner.build.id} would both be in {repository}, where "
                    f"tags do not tell their image",
                    where=naming.place("repository"),
                    todo="write {image} into `repository:` of "
                    f"`{owner.target.name}`, or into {bare[0]}",
                )

    def check_floating(self) -> None:
        for (repository, tag), owner in self.floating.items():
            for pattern in patterns_that_fit(tag):
                other = self.patterns.get((repository, pattern))
                if other:
                    raise ConfigError(
                        f"{owner.build.id} would have the floating tag {tag} in {repository}, "
                        f"which could be an immutable one of {other.build.id}",
                        where=owner.naming.place("floating"),
                        todo="write something into `tag:` that no floating tag has, such as "
                        "build-{cell}-{key}",
                    )


def _check_repository(repository: str, owner: _Owner) -> None:
    name = repository.partition("/")[2]
    if len(repository) > _LONGEST_REPOSITORY or not _REPOSITORY.fullmatch(name):
        raise ConfigError(
            f"{owner.build.id} would be in {repository}, which is no name of a repository",
            where=owner.naming.place("repository"),
            todo="a part is of lower-case letters and digits with . _ or - between them, and all "
            f"of it has {_LONGEST_REPOSITORY} characters at most",
        )


def _check_tag(tag: str, owner: _Owner, key: str) -> None:
    if not _TAG.fullmatch(tag):
        long = f"has {len(tag)} characters" if len(tag) > 128 else "is none"
        raise ConfigError(
            f"{owner.build.id} would be tagged {tag}, which {long}",
            where=owner.naming.place(key),
            todo="a tag has 128 characters at most, and starts with a letter, a digit or _",
        )


def _two_targets(repository: str, first: _Owner, second: _Owner) -> ConfigError:
    return ConfigError(
        f"{first.build.id} at `{first.target.name}` and {second.build.id} at "
        f"`{second.target.name}` would have one tag in {repository}",
        where=second.naming.place("repository"),
        todo="each target has a policy of its own: give them repositories or tags that differ",
    )


def _one_tag(name: str, first: _Owner, second: _Owner) -> ConfigError:
    latest = second.naming.latest
    short = latest is not None and len(second.naming.aliases) > 0
    return ConfigError(
        f"{first.build.id} and {second.build.id} would both be tagged {name} at "
        f"`{second.target.name}`",
        where=second.naming.place("floating" if "floating" in second.naming.where else "aliases"),
        todo="write {cell} into each floating tag" + (", or drop an alias" if short else ""),
    )
