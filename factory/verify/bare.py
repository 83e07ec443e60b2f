"""One container of the image, before any cluster: whether it runs what it is given, and what shows
without Ray being started."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from factory import process
from factory.process import Completed
from factory.verify.bundle import PYTHON
from factory.verify.compose import KEPT_BYTES
from factory.verify.events import tidy
from factory.verify.request import ClusterRequest

SECONDS = 120.0
_LABEL = "io.ray-image-factory.run"
_LIMITS = (
    "--network=none",
    "--memory=2g",
    "--pids-limit=512",
    "--security-opt=no-new-privileges",
    "--init",
)
_WORD = 'echo "$1"; shift; exec "$@"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Bare:
    """What came of it.

    Attributes:
        completed: the end of ``docker run``.
        launched: whether bash ran, and was given the arguments that it was to be given.
    """

    completed: Completed
    launched: bool

    @property
    def why_not(self) -> str:
        """Why an image does not run what it is given."""
        said = " ".join(self.completed.tail)
        if "bash" in said and ("not found" in said or "no such file" in said.lower()):
            return "there is no `bash` in the image, with which `ray up` and KubeRay start it"
        if self.completed.code in (125, 126, 127):
            return f"the image cannot be started: {' / '.join(tidy(self.completed.tail)[-2:])}"
        return (
            "the image does not run `bash -c …` as it is told to: its ENTRYPOINT has to pass "
            'arguments on (`exec "$@"`), or be empty'
        )


def run(
    request: ClusterRequest, script: bytes, *, run_id: str, on_line: Callable[[str], None]
) -> Bare:
    """Start the image's bash, and in it a Python that runs a script.

    Raises:
        ProcessFailed: it ran out of time.
    """
    name, word = f"rif-bare-{secrets.token_hex(4)}", secrets.token_hex(8)
    launched = False

    def hear(line: str) -> None:
        nonlocal launched
        launched = launched or line.strip() == word
        on_line(line)

    argv = ["docker", "run", "--rm", "--interactive", f"--name={name}", "--pull=never"]
    argv += [f"--label={_LABEL}={run_id}", *_LIMITS, request.head_ref]
    argv += ["bash", "-c", _WORD, "bash", word, *PYTHON]
    try:
        completed = process.run(
            argv, stdin=script, timeout=SECONDS, on_line=hear, check=False, keep=KEPT_BYTES
        )
    finally:  # also where the client was ended, and the container lives on
        process.run(
            ["docker", "rm", "--force", "--volumes", name], timeout=60, check=False, shielded=True
        )
    return Bare(completed=completed, launched=launched)
