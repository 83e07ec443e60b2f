"""Whether Ray starts in places that an image promises to be fit for: a container to itself each.

No cluster has been booted yet, and there is no network but the container's own.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import ray

from ..protocol import CheckFailed, Expected, expect
from .probe import GCS, RAYLET, complaint

_HEALTHY_SECONDS = 120.0
_TASK_SECONDS = 60.0
_ADDRESS = "127.0.0.1:6379"
_COMMAND = (
    *("ray", "start", "--head", "--block", "--disable-usage-stats", "--port=6379"),
    *("--node-ip-address=127.0.0.1", "--num-cpus=1", "--num-gpus=0"),
    "--object-store-memory=134217728",
)
_LAST_BYTES = 4000
_LAST_LINES = 3
_LOGS = Path("/tmp/ray/session_latest/logs")  # noqa: S108  # Ray's place for them
_WRONG = re.compile(r"error|exception|fatal|denied|read-only|\b[CE]\b", re.IGNORECASE)


def arbitrary_uid(_: Expected) -> None:
    """As a user without a name, in group 0."""
    expect(
        not _known(os.getuid()), f"user {os.getuid()} has a name in the image, so it proves nothing"
    )
    expect(os.getgid() == 0, f"the group is {os.getgid()}, not 0")
    _starts()


def read_only(_: Expected) -> None:
    """Where nothing can be written to but what is mounted."""
    read_only_root = bool(os.statvfs("/").f_flag & os.ST_RDONLY)
    expect(read_only_root, "the root can be written to, so it proves nothing")
    _starts()


def _known(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _starts() -> None:
    """A head becomes healthy, and its one CPU computes."""
    with tempfile.TemporaryFile() as said:
        try:
            with subprocess.Popen(
                _COMMAND, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
            ) as node:
                try:
                    _wait(node)
                    _compute()
                finally:
                    with contextlib.suppress(ProcessLookupError):  # it has ended, with all its own
                        os.killpg(node.pid, signal.SIGKILL)
        except Exception as error:
            raise CheckFailed("\n".join([str(error), *_logged(), _end_of(said)])) from error


def _wait(node: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _HEALTHY_SECONDS
    while trouble := complaint(GCS) or complaint(RAYLET):
        code = node.poll()
        expect(code is None, f"`ray start` ended with exit code {code}")
        expect(time.monotonic() < deadline, f"after {_HEALTHY_SECONDS:.0f} s {trouble}")
        time.sleep(0.2)


def _compute() -> None:
    ray.init(address=_ADDRESS, log_to_driver=False)
    try:
        answer = ray.get(ray.remote(lambda: 6 * 7).remote(), timeout=_TASK_SECONDS)
    finally:
        ray.shutdown()
    expect(answer == 42, f"a task returned {answer}, not 42")


def _logged() -> Iterator[str]:
    """The last lines of Ray's own logs that say what went wrong: the container is gone afterwards,
    and they with it."""
    for file in sorted(_LOGS.glob("*")):
        if file.suffix in (".out", ".err", ".log") and file.is_file():
            with file.open("rb") as content:
                lines = _end_of(content).splitlines()
            wrong = [line for line in lines if _WRONG.search(line)]
            yield from (f"{file.name}: {line}" for line in wrong[-_LAST_LINES:])


def _end_of(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _LAST_BYTES))
    return said.read().decode("utf-8", "replace")
