"""Whether Ray Client reaches the cluster from outside of it."""

from __future__ import annotations

import subprocess
import sys

from ..protocol import Expected
from .cluster import expect

_ATTEMPTS = 2
_SECONDS = 100
_SCRIPT = """\
import ray
ray.init("ray://127.0.0.1:10001", logging_level="ERROR")
print("answer", ray.get(ray.remote(lambda number: 2 * number).remote(21)))
"""


def ray_client(_: Expected) -> None:
    """A client in a process of its own, which has no node here, runs a task and gets its result.

    Ray starts a server for each client, which on a busy machine may not come up in time; people
    would try again, and so does this.
    """
    for _attempt in range(_ATTEMPTS):
        code, said = _asked()
        if "answer 42" in said:
            return
    last = "\n".join(said.splitlines()[-15:])
    expect(False, f"Ray Client got no answer (exit code {code}, twice)\n{last}")


def _asked() -> tuple[int, str]:
    ran = subprocess.run(  # this Python, with a constant script
        [sys.executable, "-c", _SCRIPT],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return ran.returncode, ran.stdout
