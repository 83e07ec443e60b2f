"""What the engine keeps of builds beside images: the caches that steps share, and its records."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from factory import process

_CHUNK = 1 << 20
_SEARCH = """\
FROM {ref}
USER 0
RUN --network=none --mount=type=secret,id=needles \\
    --mount=type=cache,id={cache},target=/cache{options} \\
    {script} # {mark}
"""
_UNPACKED = "archive-v0"  # wheels as uv unpacked them: what anybody gets who downloads them
_FIND = (
    f"grep --exclude-dir={_UNPACKED} -raqFf /run/secrets/needles /cache && echo found-it "
    "|| echo nothing-in $(ls /cache)"
)
_PLANT = "cp /run/secrets/needles /cache/planted"


def found_in_cache(ref: str, cache: str, needles: Iterable[bytes], *, options: str = "") -> bool:
    """Whether one of the caches that steps share holds a needle.

    Args:
        ref: an image with a shell.
        cache: its id.
        options: of the mount; whose the cache is, is part of which it is.
    """
    said = _run(ref, cache, needles, options, _FIND)
    assert ("found-it\n" in said) != ("nothing-in" in said.replace(_FIND, "")), said
    return "found-it\n" in said


def plant_in_cache(ref: str, cache: str, needles: Iterable[bytes]) -> None:
    """Write the needles to a cache."""
    _run(ref, cache, needles, "", _PLANT)


def _run(ref: str, cache: str, needles: Iterable[bytes], options: str, script: str) -> str:
    dockerfile = _SEARCH.format(
        ref=ref, cache=cache, options=options, script=script, mark=secrets.token_hex(8)
    )
    argv = ["docker", "buildx", "build", "--progress=plain", "--provenance=false"]
    argv += ["--secret=id=needles,env=NEEDLES", "--output=type=cacheonly", "-"]
    env = {"NEEDLES": b"\n".join(needles).decode()}
    return process.run(argv, stdin=dockerfile.encode(), env=env).stderr


def records() -> Iterator[bytes]:
    """The engine's records of builds, as BuildKit writes them; the test is skipped where they are
    not to be read."""
    root = process.run(["docker", "info", "--format", "{{.DockerRootDir}}"]).stdout.strip()
    file = Path(root, "buildkit", "history.db")
    if not os.access(file, os.R_OK):
        pytest.skip(f"{file} is not to be read here: it is the engine's own")
    with file.open("rb") as written:
        while chunk := written.read(_CHUNK):
            yield chunk
