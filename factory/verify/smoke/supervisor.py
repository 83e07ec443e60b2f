"""Runs the suite, one check at a time, in an interpreter that it can afford to lose."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from . import own
from .interpreter import Interpreter
from .protocol import FAIL, PASS, SKIPPED, Expected, Result, say
from .suite import SUITE, Spec


def main(folder: Path, expected: Expected) -> None:
    """Run every check and say what came of it."""
    specs, broken = _plan(folder)
    say("plan", checks=[spec.name for spec in specs] + ([own.NAME] if broken else []))
    interpreter = Interpreter(folder, expected)
    statuses: dict[str, str] = {}
    try:
        for spec in specs:
            say("begin", check=spec.name, limit=spec.limit)
            started = time.monotonic()
            result = _skipped(spec, statuses) or interpreter.ask(spec)
            statuses[spec.name] = result.status
            _end(spec.name, result, time.monotonic() - started)
    finally:
        interpreter.close()
    if broken:
        _end(own.NAME, broken, 0.0)
    say("done")


def _plan(folder: Path) -> tuple[list[Spec], Result | None]:
    """The checks, and the failure that an unusable file of own checks is."""
    try:
        return [*SUITE, *own.in_folder(folder)], None
    except (SyntaxError, ValueError) as error:
        return list(SUITE), Result(FAIL, f"the image's own checks cannot be read: {error}")


def _skipped(spec: Spec, statuses: dict[str, str]) -> Result | None:
    lacking = [name for name in spec.needs if statuses.get(name) != PASS]
    return Result(SKIPPED, f"needs {lacking[0]}, which did not pass") if lacking else None


def _end(name: str, result: Result, seconds: float) -> None:
    say("end", check=name, seconds=round(seconds, 3), **result.as_dict())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Expected(**json.loads(sys.argv[2])))
