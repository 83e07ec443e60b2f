"""The interpreter that runs checks: one driver of the cluster, replaced when a check breaks it.

It reads the names of checks from standard input and answers each with one JSON line on the file
descriptor that it was given. What checks print goes to standard output, which is not read as
anything but text.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType

from . import asking, own
from .protocol import FAIL, PASS, CheckFailed, Expected, Result
from .suite import CONTRACT, SUITE, Spec

_DETAIL_LINES = 30
_LINE_CHARACTERS = 1000  # a result must stay far below what the factory takes for one line


def main(folder: Path, answers: int, expected: Expected) -> None:
    """Serve until standard input ends."""
    os.set_inheritable(answers, False)
    asking.answer_on(answers)
    faulthandler.register(signal.SIGUSR1, all_threads=False)  # shows where a check hangs
    requests = os.fdopen(os.dup(0), "r")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a check that reads must not eat the requests
    specs = {spec.name: spec for spec in [*SUITE, *own.in_folder(folder)]}
    for name in iter(requests.readline, ""):
        result = _perform(specs[name.strip()], folder, expected)
        os.write(answers, json.dumps(result.as_dict()).encode() + b"\n")


def _perform(spec: Spec, folder: Path, expected: Expected) -> Result:
    try:
        if spec.connected and spec.level != CONTRACT:
            _connect()
        if spec.own:
            module = own.load(folder, spec)
            _carry(module)
            own.call(getattr(module, own.function_of(spec)), expected)
        else:
            spec.function()(expected)
    except BaseException as error:  # a check may raise anything, SystemExit included
        return _failure(error)
    return Result(PASS)


def _failure(error: BaseException) -> Result:
    message = str(error).strip()
    first, *rest = message.splitlines() or [""]
    if isinstance(error, CheckFailed):
        return Result(FAIL, *_cut(first, rest))
    theirs = _theirs(error.__traceback__)
    lines = "".join(traceback.format_exception(type(error), error, theirs))
    kind = type(error).__name__
    reason = f"{kind}: {first}" if first else kind + _place(theirs)
    return Result(FAIL, *_cut(reason, lines.splitlines()))


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    """A traceback from where it leaves our own frames, which help nobody to mend a check."""
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _is_ours(file: str) -> bool:
    return file in (__file__, own.__file__) or file.startswith("<frozen importlib")


def _place(trace: TracebackType | None) -> str:
    """Where it was raised, for an error that says nothing itself, such as a bare ``assert``."""
    frames = traceback.extract_tb(trace)
    if not frames:
        return ""
    last = frames[-1]
    return f" at {Path(last.filename).name}:{last.lineno}: {last.line}"


def _cut(reason: str, lines: list[str]) -> tuple[str, list[str]]:
    last = [line[:_LINE_CHARACTERS] for line in lines[-_DETAIL_LINES:]]
    return reason[:_LINE_CHARACTERS], last


def _connect() -> None:
    import ray

    if not ray.is_initialized():
        ray.init(address="auto", log_to_driver=False, logging_level=logging.WARNING)
        _carry(sys.modules[__package__])


def _carry(module: ModuleType) -> None:
    """Send a module's functions to the workers by value, since they have no file of it."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(module)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Expected.read(json.loads(sys.argv[3])))
