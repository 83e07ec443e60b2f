"""What names on the network stood for when they were last looked up: digests and commits.

Commands that build look them up anew; those that do not (``plan``, ``verify``) go by this file, so
that they need no network and mean the same images.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from factory.settings import Settings

_CHOICE = "base.source auto: "
_CHOSEN = re.compile(r"registry|packages", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


def choice(repository: str) -> str:
    """The pin that says which source ``auto`` came down to, where it would be this repository."""
    return _CHOICE + repository


def load(settings: Settings) -> dict[str, str]:
    """Name to digest, commit or source; empty if nothing was looked up yet.

    What is not of its form is left out: pins become part of Dockerfiles.
    """
    try:
        found = json.loads(_file(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # it can be looked up again
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: pin for name, pin in pairs if isinstance(pin, str) and _fits(name, pin)}


def save(settings: Settings, pins: Mapping[str, str]) -> None:
    """Add to what is known, whole or not at all.

    Raises:
        OSError: the project's folder cannot be written to.
    """
    if load(settings).items() >= pins.items():
        return
    file = _file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):  # another run may add to it at the same time
        known = load(settings)
        half = file.with_suffix(f".{os.getpid()}")
        try:
            text = json.dumps({**known, **pins}, indent=2, sort_keys=True)
            half.write_text(text + "\n", encoding="utf-8")
            half.replace(file)
        finally:
            with suppress(FileNotFoundError):
                half.unlink()


def _fits(name: str, pin: str) -> bool:
    if name.startswith(_CHOICE):
        return _CHOSEN.fullmatch(pin) is not None
    form = _COMMIT if "#" in name else _DIGEST  # git sources are named address#ref
    return form.fullmatch(pin) is not None


def _file(settings: Settings) -> Path:
    return settings.state / "pins.json"
