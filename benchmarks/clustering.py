"""What it costs to bring up a cluster to work on: `cluster.up` beside a bare Compose file."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.distribution import free_port
from benchmarks.figures import Figure, Target, ratio
from benchmarks.minimum import FILE
from factory import process
from factory.choosing import choose
from factory.engine import Engine
from factory.errors import FactoryError
from factory.model import Chosen, Selection
from factory.pipeline import prepare
from factory.process import ProcessFailed
from factory.settings import Settings

RUNS = 5
WORKERS = 2
LIMIT = 1.3
METHOD = f"""\
One image that is built, a head and {WORKERS} workers. After one of each to warm up, {RUNS} times in
turns: `invoke cluster.up` and then `invoke cluster.shell -- python -c …`, which runs tasks on the
workers, from the start of the first to the end of the second process; and the same with
benchmarks/minimum.yaml, by `docker compose up --wait` and `docker compose exec`. Taking them down
is not part of it. Medians.
"""
_SECONDS = 600
_CODE = Path(__file__).parents[1]
_FIRST = """\
import ray
ray.init(log_to_driver=False)
square = ray.remote(num_cpus=1)(lambda number: number * number)
print(sum(ray.get([square.remote(number) for number in range(20)])))
"""
_RESULT = "2470"

Say = Callable[[str], None]


def run(settings: Settings, selection: Selection, say: Say) -> Figure:
    """Measure it.

    Raises:
        ConfigError: the first build that is selected is neither published nor built.
        FactoryError: a cluster did not come up, or did not come to the right result.
    """
    engine = Engine.connect()
    planned = prepare(settings, selection).plan.builds
    build = next((it.build.id for it in planned if it.build.cell.device == "cpu"), None)
    chosen = choose(settings, engine, build, None)
    ours, theirs = [], []
    for turn in range(RUNS + 1):
        ours.append(_ours(settings, chosen))
        theirs.append(_theirs(chosen))
        say(f"cluster.up took {ours[-1]:.1f} s, the bare file {theirs[-1]:.1f} s")
        if turn == 0:
            say("that was to warm up")
    return _figure(engine, ours[1:], theirs[1:])


def _ours(settings: Settings, chosen: Chosen) -> float:
    name = f"bench-{secrets.token_hex(4)}"
    port = str(free_port())
    up = ["--cell", chosen.name, "--workers", str(WORKERS), "--port", port]
    started = time.monotonic()
    try:
        _invoke(settings, "cluster.up", "--name", name, *up)
        said = _invoke(settings, "cluster.shell", "--name", name, "--", "python", "-c", _FIRST)
        took = time.monotonic() - started
    finally:
        _invoke(settings, "cluster.down", "--name", name, check=False)
    return _checked(said, took)


def _invoke(settings: Settings, *words: str, check: bool = True) -> str:
    env = {"FACTORY_ROOT": str(settings.root)}
    argv = [sys.executable, "-m", "invoke", *words]
    try:
        return process.run(argv, env=env, cwd=_CODE, timeout=_SECONDS, shielded=not check).stdout
    except ProcessFailed as error:
        if not check:
            return ""
        raise FactoryError(f"`invoke {words[0]}` failed", detail=error.completed.tail) from error


def _theirs(chosen: Chosen) -> float:
    mark = f"bench-{secrets.token_hex(4)}"
    env = {"IMAGE": chosen.ref, "RUN_ID": mark, "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    compose = ["docker", "compose", "-f", str(FILE), "-p", mark]
    up = ["up", "--detach", "--wait", "--scale", f"worker={WORKERS}"]
    started = time.monotonic()
    try:
        process.run([*compose, *up], env=env, timeout=_SECONDS)
        first = [*compose, "exec", "-T", "head", "python", "-c", _FIRST]
        said = process.run(first, env=env, timeout=_SECONDS).stdout
        took = time.monotonic() - started
    except ProcessFailed as error:
        raise FactoryError("the bare file failed", detail=error.completed.tail) from error
    finally:
        down = [*compose, "down", "--volumes", "--timeout", "0"]
        process.run(down, env=env, timeout=_SECONDS, shielded=True, check=False)
    return _checked(said, took)


def _checked(said: str, took: float) -> float:
    if said.split() != [_RESULT]:
        raise FactoryError(f"the cluster came to {said!r}, not {_RESULT}")
    return took


def _figure(engine: Engine, ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    quotient = ratio(median(ours), median(theirs))
    return Figure(
        name="cluster",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(engine),
        values={
            "factory_seconds": [round(took, 2) for took in ours],
            "bare_seconds": [round(took, 2) for took in theirs],
            "factory_median_seconds": round(median(ours), 2),
            "bare_median_seconds": round(median(theirs), 2),
            "ratio": quotient,
        },
        targets=[
            Target(name="to the first result, of the bare file's", value=quotient, limit=LIMIT)
        ],
    )
