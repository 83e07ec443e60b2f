"""Whether Ray Client reaches the cluster from outside of it."""

from __future__ import annotations

import subprocess
import sys
import time

from ..protocol import Expected
from .cluster import expect

_SECONDS = 240.0
_SCRIPT = """\
import ray
ray.init("ray://127.0.0.1:10001", logging_level="ERROR")
print("answer", ray.get(ray.remote(lambda number: 2 * number).remote(21)))
"""


def ray_client(_: Expected) -> None:
    """A client in a process of its own, which has no node here, runs a task and gets its result.

    It tries again, as people do. Ray's proxy forks a server for each client while gRPC's threads
    run, and on a busy machine such a server may die in gRPC's pollers at once; the client is told
    so after half a minute.
    """
    deadline, attempts = time.monotonic() + _SECONDS, 0
    while "answer 42" not in (said := _said(deadline - time.monotonic())):
        attempts += 1
        last = "\n".join(said.splitlines()[-15:])
        expect(time.monotonic() < deadline, f"Ray Client got no answer, {attempts} times\n{last}")
        time.sleep(1.0)


def _said(seconds: float) -> str:
    """What a client says until it ends, or its time does."""
    command = [sys.executable, "-c", _SCRIPT]  # this Python, with a constant script
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as client:
        try:
            return client.communicate(timeout=max(seconds, 1.0))[0]
        except subprocess.TimeoutExpired:
            client.kill()
            return client.communicate()[0]
