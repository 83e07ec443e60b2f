"""Publishers of one machine take turns: by the locks of both phases of publishing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from factory.locks import hold
from factory.model import Target


@contextmanager
def taking_turns(locks: Path, target: Target, build_id: str) -> Iterator[None]:
    """Have one of them at a time push a build to a target, in the block.

    Args:
        locks: the folder, machine-wide, of their locks.
    """
    name = quote(f"{target.registry} {build_id}", safe="")
    with hold(locks / f"{name}.lock"):
        yield


@contextmanager
def no_moves(locks: Path, repository: str) -> Iterator[None]:
    """Have nobody move floating tags of a repository in the block."""
    with hold(locks / f"{quote(f'floating {repository}', safe='')}.lock"):
        yield
