"""One container of the image, before any cluster: whether it runs what it is given, and what shows
without Ray being started."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from factory import process
from factory.compose import KEPT_BYTES
from factory.errors import VerifyError
from factory.process import Completed, ProcessFailed
from factory.verify.bundle import PYTHON
from factory.verify.events import tidy

if TYPE_CHECKING:  # what a verdict rests on names what is here
    from factory.verify.request import ClusterRequest

SECONDS = 300.0
_LABEL = "io.ray-image-factory.run"
LIMITS = (
    "--network=none",
    "--memory=3g",
    "--pids-limit=4096",
    "--security-opt=no-new-privileges",
    "--init",
)
_AS_CLUSTER = ("--shm-size=768m", "--env=RAY_AUTH_MODE=disabled")
"""Ray starts in it: with room for its objects, and without a token, since nobody gets in."""

_TMP = "mode=1777,exec,nosuid,nodev,size=1g"
_UIDS = range(100_000, 1_000_000_000)
"""What OpenShift hands out is among them, and what images know is not."""

_WORD = 'echo "$1$2"; shift 2; exec "$@"'
_NO_BASH = re.compile(r'exec:? "?bash\b.*(not found|no such file)', re.IGNORECASE)
_ENGINE_FAILED = 125
_ENGINE_SAYS = re.compile(r"^docker: |error waiting for container")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bare:
    """What came of it.

    Attributes:
        completed: the end of ``docker run``.
        launched: the seconds until bash ran, with the arguments that it was to be given; ``None``
            if it never did.
        late: whether it had to be ended.
    """

    completed: Completed
    launched: float | None
    late: bool = False

    @property
    def engines_fault(self) -> bool:
        """Whether the engine failed, and not the image."""
        said = self.completed.stderr.splitlines()
        return self.completed.code == _ENGINE_FAILED and any(map(_ENGINE_SAYS.search, said))

    @property
    def why_not(self) -> str:
        """Why an image does not run what it is given."""
        said = self.completed.tail
        if any(map(_NO_BASH.search, said)):
            return "there is no `bash` in the image, with which `ray up` and KubeRay start it"
        if self.completed.code in (126, 127):
            return f"the image cannot be started: {' / '.join(tidy(said)[-2:])}"
        return (
            "the image does not run `bash -c …` as it is told to: its ENTRYPOINT has to pass "
            'arguments on (`exec "$@"`), or be empty'
        )


def run(
    request: ClusterRequest,
    script: bytes,
    *,
    run_id: str,
    on_launch: Callable[[float], None],
    on_line: Callable[[str], None],
    python: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Bare:
    """Start the image's bash, and in it a Python that runs a script.

    Args:
        python: the command that reads it, if not one in which nothing of the image's gets in.
        options: of the container, beside the usual ones.
        on_launch: told once that bash runs, and after how many seconds.
        on_line: told each line of output.

    Raises:
        VerifyError: the engine could not start a container.
        Interrupted: the run was cancelled.
    """
    name, halves = f"rif-bare-{secrets.token_hex(4)}", (secrets.token_hex(8), secrets.token_hex(8))
    started = time.monotonic()
    launched: list[float] = []

    def hear(line: str) -> None:
        if not launched and line.strip() == "".join(halves):  # which no echo of arguments is
            launched.append(time.monotonic() - started)
            on_launch(launched[0])
        on_line(line)

    argv = ["docker", "run", "--rm", "--interactive", f"--name={name}", "--pull=never"]
    argv += [f"--label={_LABEL}={run_id}", *LIMITS, *options]
    argv += [request.head_ref, "bash", "-c", _WORD, "bash", *halves, *(python or PYTHON)]
    completed, late = _ran(argv, script, name, hear)
    found = Bare(completed=completed, launched=next(iter(launched), None), late=late)
    if found.engines_fault:
        raise VerifyError(
            "the engine could not run a container",
            where=request.subject,
            todo="mend what Docker reports, then verify again; `invoke doctor` may help",
            detail=tidy(completed.tail),
        )
    return found


def settings() -> list[str]:
    """What a verdict rests on of how containers are started here."""
    return [*LIMITS, *_AS_CLUSTER, _TMP, str(_UIDS)]


def options(check: str, request: ClusterRequest) -> tuple[str, ...]:
    """How a container is started for a check that has it to itself."""
    if check == "arbitrary-uid":
        return (*_AS_CLUSTER, f"--user={_UIDS.start + secrets.randbelow(len(_UIDS))}:0")
    if check == "read-only":
        folders = dict.fromkeys(("/tmp", *request.contract.writable))  # noqa: S108  # the container's
        return (*_AS_CLUSTER, "--read-only", *(f"--tmpfs={it}:{_TMP}" for it in folders))
    return ()


def _ran(
    argv: list[str], script: bytes, name: str, on_line: Callable[[str], None]
) -> tuple[Completed, bool]:
    """The end of a container, and whether it had to be ended."""
    variables = {"DOCKER_DEFAULT_PLATFORM": ""}  # what is set by chance bends no verdict
    try:
        return process.run(
            argv,
            stdin=script,
            env=variables,
            timeout=SECONDS,
            on_line=on_line,
            check=False,
            keep=KEPT_BYTES,
        ), False
    except ProcessFailed as failure:
        return failure.completed, True
    finally:  # also where the client was ended, and the container lives on
        process.run(
            ["docker", "rm", "--force", "--volumes", name], timeout=60, check=False, shielded=True
        )
