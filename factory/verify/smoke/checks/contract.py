"""What launchers and users take for granted in a Ray image, as far as a single container shows it.

These run before a cluster is booted, and import nothing that is not Python's own.
"""

from __future__ import annotations

import importlib.util
import locale as languages
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ..protocol import CheckFailed, Expected, expect

_COMPILED = ("", "actor", "dashboard", "util", "_private.worker")
"""Modules of Ray that every worker imports, and packages that the head does."""


def _home() -> Path:
    return Path(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() raises where there is none


def user(_: Expected) -> None:
    """Not root, with a home that can be written to and read, all of it."""
    home = _home()
    expect(os.getuid() != 0, "the image runs as root")
    expect(os.access(home, os.W_OK), f"{home} is not writable by user {os.getuid()}")
    unreadable = next(_unreadable(home), None)
    expect(unreadable is None, f"user {os.getuid()} cannot read {unreadable}")


def _unreadable(folder: Path) -> Iterator[str]:
    """What below a folder this user cannot read; a link counts as little as what it points to."""
    for root, folders, files in os.walk(folder):
        if not os.access(root, os.R_OK | os.X_OK):
            yield root
        for name in (*folders, *files):
            path = os.path.join(root, name)  # noqa: PTH118  # there may be 100 000, and this is fast
            if not os.path.islink(path) and not os.access(path, os.R_OK):  # noqa: PTH114  # likewise
                yield path


def programs(_: Expected) -> None:
    """``ray up`` and KubeRay run ``ray`` in a shell that reads no profile."""
    for program in ("ray", "python"):
        asked = ["bash", "--noprofile", "--norc", "-c", f"command -v {program}"]
        there = subprocess.run(asked, stdout=subprocess.DEVNULL, check=False).returncode == 0
        path = os.environ.get("PATH", "")
        expect(there, f"there is no `{program}` on PATH, which is {path!r}")


def no_token(_: Expected) -> None:
    """A token in the image is a secret, and locks everybody out who has another."""
    token = _home() / ".ray" / "auth_token"
    expect(not token.exists(), f"the image contains a secret, {token}: remove it and rebuild")


def locale(_: Expected) -> None:
    """Text is UTF-8 without anybody saying so."""
    try:
        languages.setlocale(languages.LC_ALL, "")
    except languages.Error as error:
        named = {name: value for name, value in os.environ.items() if name[:3] in ("LC_", "LAN")}
        raise CheckFailed(f"the locale cannot be set: {error}, with {named}") from None
    encodings = {languages.getpreferredencoding(False), sys.getfilesystemencoding()}
    odd = {name for name in encodings if name.replace("-", "").lower() != "utf8"}
    expect(not odd, f"text is encoded in {', '.join(sorted(odd))}, not in UTF-8")


def bytecode(_: Expected) -> None:
    """Ray is compiled: else each worker of a small cluster compiles it anew at every start."""
    folder = _installed("ray")
    if folder is None:
        raise CheckFailed("Ray is not installed for this Python")
    for name in _COMPILED:
        source = _source_of(folder, name)
        cached = Path(importlib.util.cache_from_source(str(source)))
        expect(
            not source.exists() or cached.exists(),
            f"{source} is not compiled: {cached.name} is missing, so workers start slowly",
        )


def no_torch(_: Expected) -> None:
    """Torch is gigabytes: it is there where it was asked for."""
    found = _installed("torch")
    expect(
        found is None,
        f"torch is in an image whose requirements do not name it: {found}; name it if it is wanted",
    )


def _installed(package: str) -> Path | None:
    """A package's folder, found without importing it."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _source_of(package: Path, name: str) -> Path:
    place = package.joinpath(*name.split(".")) if name else package
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
