"""Which builds a command is about: the same flags everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from factory.errors import ConfigError
from factory.matrix.grammar import shown
from factory.matrix.validate import near
from factory.model import Build, Selection, build_of


def select(builds: Iterable[Build], selection: Selection) -> tuple[Build, ...]:
    """The builds that every selector admits.

    Raises:
        ConfigError: a selector matches nothing, or all of them together do.
    """
    everything = tuple(builds)
    chosen = everything
    for flag, value in _exact(selection):
        known = {_value(build, flag) for build in everything}
        if value not in known:
            raise ConfigError(
                f"--{_flag(flag)} {shown(value)} matches no build", todo=near(value, known)
            )
        chosen = tuple(build for build in chosen if _value(build, flag) == value)
    for pattern in (*selection.only, *selection.skip):
        if not any(_glob(build, pattern) for build in everything):
            raise ConfigError(
                f"{shown(pattern)} matches no cell and no build", todo=_meant(pattern, everything)
            )
    if selection.only:
        chosen = tuple(b for b in chosen if any(_glob(b, glob) for glob in selection.only))
    chosen = tuple(b for b in chosen if not any(_glob(b, glob) for glob in selection.skip))
    if not chosen:
        raise ConfigError(
            "each selector matches something, but together they match nothing",
            todo="drop one; `invoke matrix` lists the cells",
        )
    return chosen


def among(ids: Iterable[str], selection: Selection) -> set[str]:
    """Of builds that are only known by their ids, since some may have left the matrix, those that
    every selector admits.

    Raises:
        ConfigError: as ``select``.
    """
    builds = filter(None, map(build_of, ids))
    return {build.id for build in select(builds, selection)}


def _meant(pattern: str, builds: Iterable[Build]) -> str:
    """What may have been meant: an image's name and the beginning of an id need a ``*``."""
    builds = tuple(builds)
    ids = {name for build in builds for name in (build.id, build.cell.id)}
    plain = pattern.rstrip("*:")
    if plain in {build.image for build in builds}:
        return f"did you mean `{plain}:*`, or `--image {plain}`?"
    if plain and any(name.startswith(plain) for name in ids):
        return f"did you mean `{plain}*`?"
    return near(plain, ids)


def _exact(selection: Selection) -> list[tuple[str, str]]:
    rllib = None if selection.rllib is None else str(selection.rllib).lower()
    flags = {
        "image": selection.image,
        "device": selection.variant,
        "python": selection.python,
        "ray": selection.ray,
        "rllib": rllib,
    }
    return [(flag, value) for flag, value in flags.items() if value is not None]


def _flag(axis: str) -> str:
    return "variant" if axis == "device" else axis


def _value(build: Build, axis: str) -> str:
    return build.image if axis == "image" else build.cell.axes[axis]


def _glob(build: Build, pattern: str) -> bool:
    return fnmatchcase(build.cell.id, pattern) or fnmatchcase(build.id, pattern)
