"""`invoke soak identity`: many random projects and changes of them, each judged by BuildKit."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import cycle, islice
from random import Random
from typing import Any

from benchmarks import machine
from benchmarks.figures import Figure, Target
from benchmarks.identity.forget import forget
from benchmarks.identity.pairs import BUILDABLE, Pair, Verdict, tried
from benchmarks.signals import undisturbed
from factory.engine import Engine, Store
from factory.errors import ConfigError, MachineError
from factory.model import Selection
from factory.process import ProcessFailed
from factory.settings import Settings
from factory.signals import terminable

PAIRS, WIDTH, _EVERY = 1_000, 2, 50
SECONDS = "FACTORY_SOAK_SECONDS"
METHOD = """\
Random projects (images with parents, files, symlinks, modes, .dockerignore,
stages, wildcards, heredocs, arguments, bind mounts, images on the network) with one change each, of
every class in turn. Before and after, the factory plans in one folder that is edited in place, and
BuildKit makes every image: from whole folders, nothing derived but the rendered Dockerfile. Files
come with other times each time; what the network would give comes from folders. Two images are the
same if their configs and all their files are, but for times. A rebuild is missed where a key stayed
and the image did not; the rate is of all builds whose image changed. It is needless where a key
changed and the image did not; the rate is of all builds whose image stayed. `moved` counts images
that stayed, under the same key, with another digest by BuildKit's own cache; `unlike` those that
the factory's private copies of what it found to be read would have made otherwise than whole
folders do. Git and downloads are left out.
"""
Say = Callable[[str], None]
Tried = Mapping[str, Verdict] | None
"""What came of a pair, or ``None`` where BuildKit could not build it."""


def run(_settings: Settings, selection: Selection, say: Say) -> Figure:
    """Try pairs until there are enough; ``--only GLOB`` takes classes by name. None is begun after
    ``FACTORY_SOAK_SECONDS``.

    Raises:
        ConfigError: no class has such a name.
        MachineError: there is no engine, or its store exports no OCI layouts.
    """
    engine = Engine.connect()
    if engine.store is not Store.CONTAINERD:
        raise MachineError(
            "this engine exports no images as files",
            todo="turn on its containerd image store (`features` in daemon.json)",
        )
    mark, since = f"identity-{secrets.token_hex(4)}", datetime.now(UTC)
    pairs = list(chosen(selection.only, PAIRS, mark))
    begun = time.monotonic()
    try:
        with terminable():
            found = list(_all(pairs, float(os.environ.get(SECONDS, "inf")), say))
    finally:
        with undisturbed():
            say("removing what BuildKit cached of it")
            forget([mark], since)
    values = summary(found)
    values["seconds"] = round(time.monotonic() - begun, 1)
    return Figure(
        name="identity",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(engine),
        values=values,
        targets=[
            Target(name=name, value=values[name], limit=0)
            for name in ("missed", "unlike", "pairs_not_built")
        ],
    )


def chosen(only: Iterable[str], count: int, mark: str) -> Iterator[Pair]:
    """So many pairs, of each class in turn.

    Raises:
        ConfigError: no class has such a name.
    """
    globs = tuple(only) or ("*",)
    classes = [one for one in BUILDABLE if any(fnmatchcase(one.name, glob) for glob in globs)]
    if not classes:
        raise ConfigError(
            f"no class of changes is called {', '.join(globs)}",
            todo=f"use a name, or a pattern, of {', '.join(one.name for one in BUILDABLE)}",
        )
    Random(0).shuffle(classes)  # noqa: S311  # so that a run that is cut short is no biased sample
    for at, mutation in enumerate(islice(cycle(classes), count)):
        yield Pair(mutation=mutation, seed=at // len(classes), mark=mark)


def summary(found: Iterable[tuple[Pair, Tried]]) -> dict[str, Any]:
    """Counts and rates; pure. Builds are counted, but for ``pairs``."""
    rows: dict[str, dict[str, Any]] = {}
    tales: list[str] = []
    for pair, verdicts in found:
        row = rows.setdefault(pair.mutation.name, _empty(pair))
        row["pairs"] += 1
        row["pairs_not_built"] += verdicts is None
        for build_id, verdict in (verdicts or {}).items():
            for name, value in _counts(verdict).items():
                row[name] += value
            if verdict.missed or not verdict.staged:
                tales.append(f"{pair.name}: {build_id}")
        if verdicts is None:
            tales.append(f"{pair.name}: not built")
    counted = ("pairs", "pairs_not_built", *_counts(_NONE))
    total = {name: sum(row[name] for row in rows.values()) for name in counted}
    stayed = total["builds"] - total["changed"]
    rates = {
        "missed_rate": round(total["missed"] / max(total["changed"], 1), 4),
        "needless_rate": round(total["needless"] / max(stayed, 1), 4),
    }
    reached = {"classes_tried": len(rows), "classes_known": len(BUILDABLE)}
    return {**total, **rates, **reached, "to_look_at": tales, "classes": list(rows.values())}


_NONE = Verdict(rebuilt=False, changed=False, moved=False, staged=True)


def _empty(pair: Pair) -> dict[str, Any]:
    counts = dict.fromkeys(("pairs", "pairs_not_built", *_counts(_NONE)), 0)
    return {"class": pair.mutation.name, "expected": pair.mutation.effect.value, **counts}


def _counts(verdict: Verdict) -> dict[str, int]:
    return {
        "builds": 1,
        "rebuilt": int(verdict.rebuilt),
        "changed": int(verdict.changed),
        "missed": int(verdict.missed),
        "needless": int(verdict.needless),
        "moved": int(verdict.moved and not (verdict.changed or verdict.rebuilt)),
        "unlike": int(not verdict.staged),
    }


def _all(pairs: Iterable[Pair], seconds: float, say: Say) -> Iterator[tuple[Pair, Tried]]:
    """Each with what came of it, as they end; a few at once."""
    deadline, left, done = time.monotonic() + seconds, iter(pairs), 0
    running: dict[Future[Tried], Pair] = {}
    with ThreadPoolExecutor(WIDTH) as pool:
        while True:
            while (
                time.monotonic() < deadline and len(running) < WIDTH and (pair := next(left, None))
            ):
                running[pool.submit(_try, pair, say)] = pair
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
                done += 1
                if done % _EVERY == 0:
                    say(f"{done} pairs")


def _try(pair: Pair, say: Say) -> Tried:
    try:
        verdicts = tried(pair)
    except ProcessFailed as error:
        say(f"{pair.name}: BuildKit could not build it\n" + "\n".join(error.completed.tail))
        return None
    for build_id, verdict in verdicts.items():
        if verdict.missed or not verdict.staged:
            say(f"{pair.name}: {build_id} {'missed' if verdict.missed else 'unlike'}")
    return verdicts
