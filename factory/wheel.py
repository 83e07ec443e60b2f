"""What a wheel says that it depends on."""

from __future__ import annotations

import zipfile
from hashlib import sha256
from pathlib import Path

from factory.errors import ConfigError

_TELLING = ("Name:", "Version:", "Requires-Dist:", "Requires-Python:", "Provides-Extra:")
"""The fields of its core metadata that decide what is installed with it.
https://packaging.python.org/en/latest/specifications/core-metadata/"""

_LARGEST = 1 << 20
"""Of a METADATA file, in bytes: the description of a package is in it, too."""


def dependencies_digest(wheel: Path, *, where: str) -> str:
    """A digest, in hex, of what decides which packages are installed with a wheel: another build of
    the same code has the same.

    Args:
        where: who names it, for messages.

    Raises:
        ConfigError: it is no wheel, or cannot be read.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            [name] = [one for one in archive.namelist() if _is_metadata(one)]
            with archive.open(name) as file:
                text = file.read(_LARGEST).decode("utf-8", "replace")
    except Exception as error:  # a damaged archive can meet any error of any decompressor
        why = getattr(error, "strerror", None) or "it is no zip file with one `.dist-info/METADATA`"
        raise ConfigError(
            f"{wheel.name} cannot be read as a wheel: {why}",
            where=where,
            todo="build it again, or name another one",
        ) from error
    head = text.replace("\r\n", "\n").partition("\n\n")[0]
    lines = sorted(line.strip() for line in head.splitlines() if line.startswith(_TELLING))
    return sha256("\n".join(lines).encode()).hexdigest()


def _is_metadata(name: str) -> bool:
    folder, _, file = name.partition("/")
    return file == "METADATA" and folder.endswith(".dist-info")
