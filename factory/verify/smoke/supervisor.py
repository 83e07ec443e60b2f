"""Runs the suite, one check at a time, in an interpreter that it can afford to lose."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from . import own
from .interpreter import Interpreter
from .protocol import ASK, PASS, SKIPPED, Expected, Result, Voice
from .suite import SUITE, Spec


def main(folder: Path, expected: Expected, checks: list[str], nonce: str) -> None:
    """Run these checks, and no others, and say what came of each."""
    known = {spec.name: spec for spec in [*SUITE, *own.in_folder(folder)]}
    specs = [known[name] for name in checks]
    voice = Voice(nonce)
    voice.say("plan", checks=[spec.name for spec in specs])
    interpreter = Interpreter(folder, expected)
    statuses: dict[str, str] = {}
    try:
        for spec in specs:
            voice.say("begin", check=spec.name, limit=spec.limit)
            started = time.monotonic()
            result = _skipped(spec, statuses) or interpreter.ask(spec, partial(_pass_on, voice))
            statuses[spec.name] = result.status
            seconds = round(time.monotonic() - started, 3)
            voice.say("end", check=spec.name, seconds=seconds, **result.as_dict())
    finally:
        interpreter.close()
    voice.say("done")


def _pass_on(voice: Voice, asked: dict[str, str]) -> None:
    voice.say(ASK, what=asked.get(ASK), host=asked.get("host"))


def _skipped(spec: Spec, statuses: dict[str, str]) -> Result | None:
    lacking = [name for name in spec.needs if statuses.get(name) != PASS]
    return Result(SKIPPED, f"needs {lacking[0]}, which did not pass") if lacking else None
