"""The one gateway to other programs: argument lists only, never a shell.

Each child gets a session of its own, so that Ctrl-C reaches the factory alone, which then ends its
children in order and cleans up after them. Clean-up commands run *shielded*: they still run, and
are not ended, after an interrupt.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.errors import Interrupted, MachineError
from factory.signals import TERMINATION, handling
from factory.streams import Reader

TAIL_LINES = 40
_GRACE_SECONDS = 10.0
_STEP_SECONDS = 0.2
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """A program that ended: exit code, both streams, and its duration in seconds."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that it said, standard error last."""
        lines = [*self.stdout.splitlines(), *self.stderr.splitlines()]
        return tuple(line.rstrip() for line in lines if line.strip())[-TAIL_LINES:]


class ProcessFailed(Exception):
    """A program ended with a code other than 0, or ran out of time (``timed_out``)."""

    def __init__(self, completed: Completed, *, timed_out: bool = False) -> None:
        self.completed = completed
        self.timed_out = timed_out
        how = "ran out of time" if timed_out else f"ended with {completed.code}"
        super().__init__(f"`{' '.join(completed.argv[:4])} …` {how}")


class _Running:
    """The children alive now, so that an interrupt can end them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self.cancelled = False

    def start(
        self, child: Callable[[], subprocess.Popen[bytes]], shielded: bool
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self.cancelled and not shielded:
                raise Interrupted("interrupted")
            process = child()
            if not shielded:
                self._children.add(process)
            return process

    def ended(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._children.discard(process)

    def cancel(self) -> None:
        with self._lock:
            self.cancelled = True
            children = list(self._children)
        for child in children:
            _signal_group(child, signal.SIGTERM)

    def reset(self) -> None:
        self.cancelled = False


_running = _Running()


def cancel_all() -> None:
    """End every child that is not shielded, and refuse new ones: what Ctrl-C does."""
    _running.cancel()


def is_cancelled() -> bool:
    """Whether ``cancel_all`` was called."""
    return _running.cancelled


def reset() -> None:
    """Allow children again, for a process that outlives an interrupt (tests)."""
    _running.reset()


def run(
    argv: Sequence[str],
    *,
    stdin: bytes | None = None,
    env: Mapping[str, str | None] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    on_line: Callable[[str], None] | None = None,
    check: bool = True,
    shielded: bool = False,
    keep: int | None = None,
) -> Completed:
    """Run a program to its end.

    Args:
        argv: program and arguments; nothing is interpreted by a shell.
        stdin: what it reads; closed at once when ``None``.
        env: variables on top of the factory's own environment; ``None`` takes one away.
        timeout: seconds after which its whole process group is ended. Until then a program lasts
            for as long as anything that it started holds its output open.
        on_line: called with each line of either stream as it arrives (from other threads).
        check: raise on a code other than 0.
        shielded: run even after an interrupt, and do not end on one.
        keep: for a program that is not trusted, how many bytes of the end of each stream are kept,
            and of the beginning of a line; everything when ``None``.

    Raises:
        MachineError: there is no such program.
        ProcessFailed: it failed (and ``check``), or ran out of time.
        Interrupted: the run was cancelled before or while it ran.
    """
    started = time.monotonic()
    child = _running.start(lambda: _spawn(argv, stdin is not None, env, cwd), shielded)
    readers = [Reader(pipe, on_line, keep) for pipe in (child.stdout, child.stderr)]
    feeder = threading.Thread(target=_feed, args=(child, stdin), daemon=True)
    try:
        for thread in (*readers, feeder):
            thread.start()
        timed_out = _wait(child, readers, timeout, shielded)
    except BaseException:
        _end(child, readers)
        raise
    finally:
        _running.ended(child)
    out, err = (reader.text() for reader in readers)
    completed = Completed(
        argv=tuple(argv),
        code=child.returncode,
        stdout=out,
        stderr=err,
        seconds=time.monotonic() - started,
    )
    if _running.cancelled and not shielded:
        raise Interrupted("interrupted")
    if timed_out or (check and completed.code):
        raise ProcessFailed(completed, timed_out=timed_out)
    return completed


def daemon(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> int:
    """Start a program that outlives the factory, its output going to ``log``; returns its pid.

    ``env`` is its whole environment, if it shall not have the factory's.

    Raises:
        MachineError: there is no such program.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        try:
            child = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
                cwd="/",
                env=env,
            )
        except OSError as error:
            raise _missing(argv[0]) from error
    threading.Thread(target=child.wait, daemon=True).start()  # reap it if it ends before we do
    return child.pid


def attached(argv: Sequence[str], *, env: Mapping[str, str | None] | None = None) -> int:
    """Run a program on the user's own terminal, with our standard streams, to its end; returns its
    exit code, as a shell would tell it.

    It stays in our process group, since only that may read from the terminal. So Ctrl-C reaches it
    from there; an interrupt that comes from elsewhere (a ``kill``) is passed on. Either way its end
    is waited for. A program that has the terminal send it no signals (``docker run --tty``) is not
    interrupted, and neither are we.

    Raises:
        MachineError: there is no such program.
        Interrupted: the run was cancelled before it began, or it ended on an interrupt, whose code
            may be anything: Docker's client ends with 0.
    """
    if _running.cancelled:
        raise Interrupted("interrupted")
    told: list[int] = []
    # Only noted where it comes while the program is being started, which then is told at once.
    with handling(("SIGINT", *TERMINATION), told.append):
        try:
            child = subprocess.Popen(list(argv), env=_environment(env or {}))
        except OSError as error:
            raise _missing(argv[0]) from error
        passed_on = 0
        while child.poll() is None:
            if len(told) > passed_on and not (set(told) == {signal.SIGINT} and sys.stdin.isatty()):
                child.terminate()
            passed_on = len(told)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_STEP_SECONDS)
    if told:
        raise Interrupted("interrupted")
    return child.returncode if child.returncode >= 0 else _SIGNALLED - child.returncode


def find_tool(name: str) -> str | None:
    """The path of a program: the user's own on ``PATH`` first, then the pinned one that was
    installed beside this Python."""
    own = Path(sys.prefix, "bin").resolve()
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    others = [folder for folder in path if folder and Path(folder).resolve() != own]
    return shutil.which(name, path=os.pathsep.join(others)) or shutil.which(name, path=str(own))


def _spawn(
    argv: Sequence[str], has_stdin: bool, env: Mapping[str, str | None] | None, cwd: Path | None
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if has_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(env or {}),
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        if cwd is not None and not cwd.is_dir():
            raise MachineError(f"there is no folder {cwd}", todo="create it") from error
        raise _missing(argv[0]) from error


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**os.environ, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _missing(program: str) -> MachineError:
    return MachineError(
        f"`{program}` cannot be started on this machine",
        todo="run `invoke doctor` to see what is missing and how to mend it",
    )


def _feed(child: subprocess.Popen[bytes], stdin: bytes | None) -> None:
    if child.stdin is None:
        return
    # It may end before reading everything: its exit code tells the story.
    with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
        pipe.write(stdin or b"")


def _wait(
    child: subprocess.Popen[bytes],
    readers: Sequence[threading.Thread],
    timeout: float | None,
    shielded: bool,
) -> bool:
    """Wait for the end; True if it had to be ended for running out of time."""
    deadline = None if timeout is None else time.monotonic() + timeout
    cancelled_at: float | None = None
    while not _ended(child, readers):
        now = time.monotonic()
        if deadline is not None and now > deadline:
            _end(child, readers)
            return True
        if _running.cancelled and not shielded:
            cancelled_at = cancelled_at or now
            if now - cancelled_at > _GRACE_SECONDS:
                _signal_group(child, _KILL)
                child.wait()
                return False
    return False


def _ended(child: subprocess.Popen[bytes], readers: Sequence[threading.Thread]) -> bool:
    """Whether the child and all that writes to its streams have ended, after a short wait: for the
    ends of its streams, which come at once, while the child's own is only looked for."""
    for reader in readers:
        if reader.is_alive():
            reader.join(_STEP_SECONDS)
    if any(reader.is_alive() for reader in readers):
        return False
    try:
        child.wait(_STEP_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(child: subprocess.Popen[bytes], readers: Sequence[threading.Thread]) -> None:
    """End the whole group: asked first, then without asking whatever is left of it."""
    _signal_group(child, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline and not _ended(child, readers):
        pass
    _signal_group(child, _KILL)
    child.wait()


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if not hasattr(os, "killpg"):  # on Windows, which has no groups to signal, nor two ways to end
        child.terminate()
        return
    with contextlib.suppress(ProcessLookupError):  # it is gone already
        os.killpg(child.pid, number)
