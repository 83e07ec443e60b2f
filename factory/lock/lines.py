"""What a requirements file may say so that a lock can be made of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from factory.errors import ConfigError, ConfigErrors
from factory.text import hide_logins, shorten

_SHOWN = 100
"""Characters of a line in a message at most."""

_OPTION = re.compile(r"-(?!-hash=)")
_ADDRESS = re.compile(r"@|://|^[./~]|\.(?:whl|zip|tar\.gz)\b")
_VERSIONS = r"(?:===?|~=|!=|[<>]=?)\s*(?:[0-9A-Za-z.*+_-]|!(?!=))+"
# Blanks are possessed by what they follow: shared out in every way, they would take for ever.
_WISH = re.compile(
    rf"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*+((?:{_VERSIONS}\s*+(?:,\s*+)?)*+)", re.ASCII
)
_OPTIONS = {
    ("-r", "--r", "-c", "--c"): "write the lines of that file into this one",
    ("-e", "--e"): "make a wheel of it, or make it the image's `source`",
    ("-i", "--i", "--ex", "-f", "--f"): "name it where this host's pip or uv reads its sources",
}


def check_lines(lines: Iterable[str], where: str) -> None:
    """See that every line names a package and versions of it, and nothing else.

    Raises:
        ConfigError: one is an option, or names a place instead of a version (all are shown).
    """
    errors = list(_mistakes(lines, where))
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigErrors(errors)


def wishes_of(lines: Iterable[str]) -> set[str]:
    """Which versions lines ask for, as constraints; what is more than that is left out."""
    found = (_WISH.fullmatch(line.partition(" #")[0].strip()) for line in lines)
    return {f"{one[1]}{one[2]}" for one in found if one and one[2]}


def _mistakes(lines: Iterable[str], where: str) -> Iterator[ConfigError]:
    for number, line in enumerate(lines, 1):
        said = "" if line.lstrip().startswith("#") else line.partition(" #")[0].strip()
        shown = shorten(hide_logins(said.split()[0]), _SHOWN) if said else ""
        if _OPTION.match(said):
            yield ConfigError(
                f"`{shown}` is an option, and a lock is made of requirements alone",
                where=f"{where}:{number}",
                todo=_remedy(said),
            )
        elif _ADDRESS.search(said.partition(";")[0]):
            yield ConfigError(
                f"{shown} is asked for by a place, and a lock holds versions",
                where=f"{where}:{number}",
                todo="put its wheel into an index or a folder that this host's pip or uv reads, "
                "and ask for a version of it",
            )


def _remedy(said: str) -> str:
    for beginnings, remedy in _OPTIONS.items():
        if said.startswith(beginnings):
            return remedy
    return "leave it out; a build's installer has options of its own"
