"""Publishers of one machine take turns at a build and a target."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from factory.model import Target


@contextmanager
def taking_turns(locks: Path, target: Target, build_id: str) -> Iterator[None]:
    """Have one of them at a time in the block.

    Args:
        locks: the folder, machine-wide, of their locks.
    """
    from filelock import FileLock

    locks.mkdir(parents=True, exist_ok=True)
    name = quote(f"{target.registry} {build_id}", safe="")
    with FileLock(locks / f"{name}.lock"):
        yield
