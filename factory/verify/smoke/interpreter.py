"""The interpreter that runs checks, from the outside: it may raise, hang, flood, or die."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from .protocol import ASK, FAIL, PASS, Expected, Result
from .suite import Spec

_PRINTED_BYTES = 16 * 1024
_PRINTED_LINES = 20
_CHUNK = 64 * 1024
_POLL_SECONDS = 0.5
_LAST_WORDS_SECONDS = 0.5


def _refuse(_asked: dict[str, str]) -> None:
    """Nobody is there to do it."""


class _Printed:
    """The end of what a process prints, read all the time so that it never waits for us."""

    def __init__(self, pipe: int) -> None:
        self._kept = b""
        self._thread = threading.Thread(target=self._drain, args=(pipe,), daemon=True)
        self._thread.start()

    def _drain(self, pipe: int) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(pipe, _CHUNK):
                self._kept = (self._kept + chunk)[-_PRINTED_BYTES:]

    def forget(self) -> None:
        self._kept = b""

    def last_lines(self) -> list[str]:
        self._thread.join(_LAST_WORDS_SECONDS)
        return self._kept.decode("utf-8", "replace").splitlines()[-_PRINTED_LINES:]


class Interpreter:
    """One process at a time: started when it is needed, and again after it was lost."""

    def __init__(self, folder: Path, expected: Expected) -> None:
        self._folder = folder
        self._expected = expected
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, spec: Spec, asked: Callable[[dict[str, str]], None] = _refuse) -> Result:
        """The result of one check, whatever it does to the process.

        Args:
            asked: told what the check asks of the factory.
        """
        process = self._process or self._start()
        self._printed.forget()
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the wait for an answer finds out why
            process.stdin.write(spec.name.encode() + b"\n")
            process.stdin.flush()
        deadline = time.monotonic() + spec.limit
        while (answer := self._answer(process, deadline)) is not None:
            said = json.loads(answer)
            if ASK not in said:
                result = Result(**said)
                return result if result.status == PASS else self._with_printed(result)
            asked(said)
        return self._lost(process, spec)

    def close(self) -> None:
        """End the process and what it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            os.close(self._answers)
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        self._answers, theirs = os.pipe()
        self._unread = b""
        arguments = [str(self._folder), str(theirs), json.dumps(asdict(self._expected))]
        path = [str(self._folder), os.environ.get("PYTHONPATH", "")]  # the application's, after us
        self._process = subprocess.Popen(  # our own module, started without a shell
            [sys.executable, "-u", "-m", f"{__package__}.session", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs],
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))},
        )
        os.close(theirs)
        assert self._process.stdout is not None
        self._printed = _Printed(self._process.stdout.fileno())
        return self._process

    def _answer(self, process: subprocess.Popen[bytes], deadline: float) -> bytes | None:
        """The next line that it says, or ``None`` if it, or its time, ends without one."""
        while b"\n" not in self._unread:
            ended = process.poll() is not None  # asked first: its last words are still read
            left = deadline - time.monotonic()
            wait = 0.0 if ended else max(0.0, min(left, _POLL_SECONDS))
            if select.select([self._answers], [], [], wait)[0]:
                chunk = os.read(self._answers, _CHUNK)
                if not chunk:
                    return None
                self._unread += chunk
            elif ended or left <= 0:
                return None
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _lost(self, process: subprocess.Popen[bytes], spec: Spec) -> Result:
        try:
            code = process.wait(_LAST_WORDS_SECONDS)
            how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
            reason = f"it ended the interpreter {how}"
        except subprocess.TimeoutExpired:
            reason = f"it did not end within {spec.limit:g} s"
            process.send_signal(signal.SIGUSR1)  # prints where it hangs
            time.sleep(_LAST_WORDS_SECONDS)
        self.close()
        return self._with_printed(Result(FAIL, reason))

    def _with_printed(self, result: Result) -> Result:
        printed = self._printed.last_lines()
        lines = ["it printed last:", *printed] if printed else []
        return replace(result, detail=[*result.detail, *lines])
