"""A bystander who looks at tags without pause, and at the list of processes, while somebody
publishes."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from factory.errors import FactoryError
from factory.registry import Registry

_PAUSE_SECONDS = 0.01


@dataclass
class Seen:
    """What a bystander saw.

    Attributes:
        digests: of each tag, every digest that it named; ``None`` where it named none.
        looks: how often all tags were looked at.
        secrets: command lines that had a secret in them.
    """

    digests: dict[str, set[str | None]] = field(default_factory=dict)
    looks: int = 0
    secrets: set[str] = field(default_factory=set)


@contextmanager
def watching(
    registry: Registry, tags: Mapping[str, tuple[str, str]], secrets: Collection[str]
) -> Iterator[Seen]:
    """Look until the block ends, and once more then.

    Args:
        registry: leads there past any proxy.
        tags: name to (repository, tag).
        secrets: what nobody may see in a command line.
    """
    seen, over = Seen(digests={name: set() for name in tags}), threading.Event()

    def look() -> None:
        for name, (repository, tag) in tags.items():
            with suppress(FactoryError):  # a registry whose disk is full may not answer
                seen.digests[name].add(registry.head(repository, tag))
        seen.secrets |= _with_secrets(secrets)
        seen.looks += 1

    def watch() -> None:
        while not over.wait(_PAUSE_SECONDS):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
        look()


def _with_secrets(secrets: Collection[str]) -> set[str]:
    found = set[str]()
    for file in Path("/proc").glob("[0-9]*/cmdline") if secrets else ():
        with suppress(OSError):
            text = file.read_bytes().decode("utf-8", "replace")
            if any(secret in text for secret in secrets):
                found.add(text.replace("\0", " "))
    return found
