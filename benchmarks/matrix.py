"""How long `invoke matrix` takes: what people type most, and what must never feel slow."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.figures import Figure, Target
from factory import process
from factory.engine import Engine
from factory.model import Selection
from factory.settings import Settings

RUNS = 7
LIMIT_SECONDS = 0.3
METHOD = f"""\
Median of {RUNS} runs of `invoke matrix` from start to end of the process, with compiled bytecode,
after one run that compiles it. Beside it, the same Python doing nothing, and Invoke listing the
commands.
"""
_CODE = Path(__file__).parents[1]


def run(settings: Settings, _selection: Selection, say: Callable[[str], None]) -> Figure:
    """Measure it on the project at ``settings.root``."""
    say(f"{RUNS} runs of each of three commands")
    invoke = [sys.executable, "-m", "invoke"]
    # Whatever this shell does about bytecode, it is compiled, and lies where Python looks for it:
    # with a folder of its own (PYTHONPYCACHEPREFIX) the same run takes half as long again.
    env = {"PYTHONDONTWRITEBYTECODE": "", "FACTORY_ROOT": str(settings.root)}
    ours = _times([*invoke, "matrix"], env)
    listing = _times([*invoke, "--list"], env)
    bare = _times([sys.executable, "-c", "pass"], env)
    return Figure(
        name="matrix",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(Engine.connect()) | {"shell_bytecode": _shell()},
        values={
            "matrix_seconds": ours,
            "list_seconds": listing,
            "bare_python_seconds": bare,
            "matrix_median_seconds": round(median(ours), 3),
            "list_median_seconds": round(median(listing), 3),
            "bare_python_median_seconds": round(median(bare), 3),
        },
        targets=[
            Target(
                name="invoke matrix", value=round(median(ours), 3), limit=LIMIT_SECONDS, unit="s"
            )
        ],
    )


def _times(argv: Sequence[str], env: dict[str, str]) -> list[float]:
    stopwatch = [sys.executable, "-m", "benchmarks.stopwatch", str(RUNS)]
    timed = process.run([*stopwatch, *argv], env=env, cwd=_CODE)
    return [round(seconds, 4) for seconds in json.loads(timed.stdout)]


def _shell() -> str:
    """Whether people in this shell would wait longer, for want of compiled bytecode."""
    return "not written" if os.environ.get("PYTHONDONTWRITEBYTECODE") else "written"
