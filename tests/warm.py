"""Commands in processes of their own that need not import the factory first: forks of one that has.

Most tests are about what a command does, and half of the time of a small one goes into its start.
Those about a process itself (its signals, its arguments, its end) start a real one.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from unittest.mock import patch

REPOSITORY = Path(__file__).parents[1]


def command(
    arguments: Sequence[str], env: Mapping[str, str], *, timeout: float
) -> subprocess.CompletedProcess[str]:
    """What ``invoke`` with these arguments does in an environment, from the repository's root.

    Raises:
        TimeoutError: it did not end within so many seconds.
    """
    argv = ["invoke", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        child = _server().Process(target=_run, args=(argv, dict(env), out, err))
        child.start()
        child.join(timeout)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise TimeoutError(f"{argv}: {err.read_text()}")
        return subprocess.CompletedProcess(
            argv, child.exitcode, out.read_text("utf-8"), err.read_text("utf-8")
        )


@cache
def _server() -> ForkServerContext:
    """One process for all tests that this one runs: it has no threads, so that a fork is safe."""
    factory = REPOSITORY / "factory"
    names = {path.stem for path in factory.glob("*.py")} - {"__init__"}
    names |= {path.parent.name for path in factory.glob("*/__init__.py")}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tasks", "invoke.main", "docker", *(f"factory.{name}" for name in sorted(names))]
    )
    # What it imports is what is tested here, wherever another checkout is installed from.
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    with patch.dict(os.environ, PYTHONPATH=path):
        forkserver.ensure_running()
    return context


def _run(argv: list[str], env: dict[str, str], out: Path, err: Path) -> None:
    """Become a process as a shell would have started it, then run the command."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(REPOSITORY)
    tempfile.tempdir = None
    for file, flags, number in (
        (Path(os.devnull), os.O_RDONLY, 0),
        (out, os.O_WRONLY | os.O_CREAT, 1),
        (err, os.O_WRONLY | os.O_CREAT, 2),
    ):
        opened = os.open(file, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = argv
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(0, encoding="utf-8"),
        os.fdopen(1, "w", encoding="utf-8"),
        os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1),
    )
    from invoke.main import program

    program.run(argv)
