"""Whether Ray Client reaches the cluster from outside of it."""

from __future__ import annotations

import subprocess
import sys

from ..protocol import Expected
from .cluster import expect

_SECONDS = 150
_SCRIPT = """\
import ray
ray.init("ray://127.0.0.1:10001", logging_level="ERROR")
print("answer", ray.get(ray.remote(lambda number: 2 * number).remote(21)))
"""


def ray_client(_: Expected) -> None:
    """A client in a process of its own, which has no node here, runs a task and gets its result."""
    ran = subprocess.run(  # this Python, with a constant script
        [sys.executable, "-c", _SCRIPT],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    said = "\n".join((ran.stdout + ran.stderr).splitlines()[-15:])
    answered = "answer 42" in ran.stdout
    expect(answered, f"Ray Client got no answer (exit code {ran.returncode})\n{said}")
