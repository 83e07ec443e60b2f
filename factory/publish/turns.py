"""Publishers of one machine take turns: at a build and a target while an immutable tag is pushed,
at repositories while floating tags move there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from factory.locks import hold
from factory.model import Target

Log = Callable[[str], None]
_WAITING = "waiting for another publisher on this machine"


@contextmanager
def taking_turns(locks: Path, target: Target, build_id: str, log: Log) -> Iterator[None]:
    """Have one of them at a time push a build to a target, in the block.

    Args:
        locks: the folder, machine-wide, of their locks.
        log: told if it has to wait.

    Raises:
        Interrupted: the run was cancelled while it waited.
    """
    with hold(_lock(locks, f"{target.registry} {build_id}"), waiting=partial(log, _WAITING)):
        yield


@contextmanager
def alone_with(locks: Path, repositories: Iterable[str], log: Log) -> Iterator[None]:
    """Have one of them at a time move floating tags of some repositories, in the block. See
    ``taking_turns``."""
    with ExitStack() as held:
        for repository in sorted(set(repositories)):  # one order for all
            lock = _lock(locks, f"floating {repository}")
            held.enter_context(hold(lock, waiting=partial(log, _WAITING)))
        yield


def _lock(locks: Path, name: str) -> Path:
    return locks / f"{quote(name, safe='')}.lock"
