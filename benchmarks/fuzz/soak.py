"""`invoke soak fuzz`: a hundred thousand made-up inputs, by a seed that is another each time."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from multiprocessing import get_context
from typing import Any

from benchmarks import machine
from benchmarks.figures import Figure, Target
from benchmarks.fuzz.projects import ground
from benchmarks.fuzz.sweep import CHUNK, Counted, sweep
from benchmarks.fuzz.targets import TARGETS
from factory.engine import Engine
from factory.errors import ConfigError
from factory.model import Selection
from factory.settings import Settings

EXAMPLES = 100_000
SEED = "FACTORY_SOAK_SEED"
METHOD = """\
Input is made up by hypothesis for everything that reads what others may have written: matrix.yaml
and image.yaml (good ones with a few values replaced by odd ones and payloads, and spoilt text),
trees with symlinks and pipes, selectors, references, Dockerfiles, ledgers, archives, databases,
patterns, locks. What is accepted goes on: projects are planned and their Dockerfiles read again. An
example escapes if anything but the factory's own error comes of it, if that has no next step, is
unprintable or longer than a screen, if it takes more than 2 s of CPU, if a payload reaches a
Dockerfile as more than text, or if a file beside the tree is opened. FACTORY_SOAK_SEED=SEED makes
the same examples again.
"""
_EVERY = 20
Say = Callable[[str], None]
Chunk = tuple[int, int, int]
"""A target by its place, a seed, and how many examples."""


def run(_settings: Settings, selection: Selection, say: Say) -> Figure:
    """Try all targets, or those whose names match a glob of ``--only``.

    Raises:
        ConfigError: no target has such a name, or the seed is none.
    """
    engine = Engine.connect()
    seed = _seed()
    say(f"seed {seed}")
    begun = time.monotonic()
    found = dict.fromkeys(chosen(selection.only))
    chunks = [one for one in spread(seed, EXAMPLES) if TARGETS[one[0]].name in found]
    counted: dict[str, Counted] = {name: Counted(target=name) for name in found}
    for done, one in enumerate(_swept(chunks), 1):
        counted[one.target] += one
        for told in one.escaped:
            say(f"ESCAPED {told}")
        if done % _EVERY == 0:
            say(f"{done} of {len(chunks)} parts")
    values = summary(counted.values())
    seconds = round(time.monotonic() - begun, 1)
    return Figure(
        name="fuzz",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(engine),
        values={"seed": seed, "seconds": seconds, **values},
        targets=[Target(name="escaped", value=len(values["to_look_at"]), limit=0)],
    )


def chosen(only: Sequence[str]) -> list[str]:
    """The names of targets that match a glob; all if there is none.

    Raises:
        ConfigError: none does.
    """
    names = [one.name for one in TARGETS]
    found = [name for name in names if any(fnmatchcase(name, glob) for glob in only or ("*",))]
    if not found:
        raise ConfigError(
            f"no target is called {', '.join(only)}", todo=f"use one of {', '.join(names)}"
        )
    return found


def spread(seed: int, examples: int) -> Iterator[Chunk]:
    """Examples in chunks with seeds of their own, each target's share of them, in turn."""
    left = {at: examples * one.share // 100 for at, one in enumerate(TARGETS)}
    number = 0
    while left:
        for at in list(left):
            count = min(CHUNK, left[at])
            yield at, seed * 1_000_000 + number, count
            number += 1
            left[at] -= count
            if not left[at]:
                del left[at]


def summary(counted: Iterable[Counted]) -> dict[str, Any]:
    """Counts, in all and by target; pure."""
    rows = list(counted)
    return {
        "examples": sum(one.examples for one in rows),
        "accepted": sum(one.accepted for one in rows),
        "refused": sum(one.refused - len(one.escaped) for one in rows),
        "slowest_cpu_seconds": round(max(one.slowest for one in rows), 2),
        "to_look_at": [told for one in rows for told in one.escaped],
        "targets": [
            {
                "target": one.target,
                "examples": one.examples,
                "accepted": one.accepted,
                "refused": one.refused - len(one.escaped),
                "escaped": len(one.escaped),
                "slowest_cpu_seconds": round(one.slowest, 2),
            }
            for one in rows
        ],
    }


def _seed() -> int:
    said = os.environ.get(SEED, "") or str(secrets.randbelow(10**9))
    if not (said.isascii() and said.isdecimal() and len(said) <= 18):
        raise ConfigError(f"{SEED} is {said!r}, which is no number", todo="write one such as 7")
    return int(said)


def _swept(chunks: Iterable[Chunk]) -> Iterator[Counted]:
    """Each chunk with what came of it, as they end; on all cores."""
    context = get_context("spawn")  # what this process has open is none of theirs
    with ProcessPoolExecutor(machine.cores(), mp_context=context) as pool:
        for future in as_completed([pool.submit(_chunk, chunk) for chunk in chunks]):
            yield future.result()


def _chunk(chunk: Chunk) -> Counted:
    at, seed, count = chunk
    with ground() as here:
        return sweep(TARGETS[at], seed, count, here)
