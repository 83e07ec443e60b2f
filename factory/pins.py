"""What names on the network stood for when they were last looked up: digests and commits.

Commands that build look them up anew; those that do not (``plan``, ``verify``) go by this file, so
that they need no network and mean the same images.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from factory.settings import Settings

SOURCE = "base.source"
"""The pin that says which source ``auto`` came down to."""


def load(settings: Settings) -> dict[str, str]:
    """Name to digest, commit or source; empty if nothing was looked up yet."""
    try:
        found = json.loads(_file(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # it can be looked up again
    pairs = found.items() if isinstance(found, dict) else ()
    return {str(name): str(pin) for name, pin in pairs}


def save(settings: Settings, pins: Mapping[str, str]) -> None:
    """Add to what is known, whole or not at all.

    Raises:
        OSError: the project's folder cannot be written to.
    """
    known = load(settings)
    if known.items() >= pins.items():
        return
    file = _file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(f".{os.getpid()}")
    try:
        text = json.dumps({**known, **pins}, indent=2, sort_keys=True)
        half.write_text(text + "\n", encoding="utf-8")
        half.replace(file)
    finally:
        with suppress(FileNotFoundError):
            half.unlink()


def _file(settings: Settings) -> Path:
    return settings.state / "pins.json"
