"""The tags of a build. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from factory.errors import ConfigError
from factory.model import KEY_DIGITS, Build, Cell, PlannedBuild


def immutable_tag(build: Build, key: str) -> str:
    """Cell id and key: names one content for ever."""
    return f"{build.cell.id}-{key[:KEY_DIGITS]}"


def floating_tags(build: Build, latest: Cell | None) -> tuple[str, ...]:
    """The tags that move to whatever passed last: the cell id, and ``latest`` for its cell."""
    return (build.cell.id, "latest") if build.cell == latest else (build.cell.id,)


def check_unique(builds: Iterable[PlannedBuild]) -> None:
    """No tag of a repository may belong to two builds.

    Raises:
        ConfigError: one does.
    """
    owner: dict[tuple[str, str], str] = {}
    for planned in builds:
        for tag in (planned.immutable, *planned.floating):
            place = (planned.build.image, tag)
            other = owner.setdefault(place, planned.build.id)
            if other != planned.build.id:
                raise ConfigError(
                    f"{other} and {planned.build.id} would both be tagged {tag}",
                    todo="give the axes values that differ",
                )
