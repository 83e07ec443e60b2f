"""The thin edge to Docker Compose: one cluster, from ``up`` to ``down``."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from factory import compose, process
from factory.compose import KEPT_BYTES, Container
from factory.errors import VerifyError
from factory.process import Completed, ProcessFailed
from factory.verify.bundle import PYTHON
from factory.verify.request import ClusterRequest

_SIZES = ("SHM_SIZE", "NODE_MEMORY", "HEAD_CPUS", "WORKER_CPUS", "OBJECT_STORE_BYTES")
BOOT_SECONDS = 180
_DOWN_SECONDS = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """A Compose project of its own name, whose secret lives as long as it does.

    Attributes:
        files: private copies of the definition, which stay as they are for the cluster's life.
    """

    request: ClusterRequest
    files: tuple[Path, ...]
    run_id: str
    project: str
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @classmethod
    def of(cls, request: ClusterRequest, files: tuple[Path, ...], run_id: str) -> Cluster:
        run = re.sub(r"[^a-z0-9]", "", run_id.lower())[:16]
        project = f"rif-{run}-{secrets.token_hex(4)}"
        return cls(request=request, files=files, run_id=run_id, project=project)

    def up(self) -> Completed:
        """Boot and wait for health; the caller judges the exit code.

        Raises:
            ProcessFailed: Compose outlived its own time limit.
        """
        return self._up(
            "--detach", "--wait", "--wait-timeout", str(BOOT_SECONDS),
            "--scale", f"worker={self.request.workers}",
        )  # fmt: skip  # one option and its value a line

    def up_head(self, scales: Mapping[str, int]) -> Completed:
        """The same of the head alone, beside containers of services that wait for their start.

        Raises:
            ProcessFailed: Compose outlived its own time limit.
        """
        scaled = [word for name, count in scales.items() for word in ("--scale", f"{name}={count}")]
        created = self._up("--no-start", *scaled)
        if created.code:
            return created
        return self._up("--detach", "--wait", "--wait-timeout", str(BOOT_SECONDS), "head")

    def _up(self, *arguments: str) -> Completed:
        return self._compose(
            "--progress", "plain", "up", "--no-build", "--pull", "never", *arguments,
            timeout=BOOT_SECONDS + 5,  # --wait-timeout leaves out the workers' wait for the head
        )  # fmt: skip  # one option and its value a line

    def run_in_head(
        self, script: bytes, *, timeout: float, on_line: Callable[[str], None]
    ) -> Completed:
        """Give a script to the head's Python.

        Raises:
            ProcessFailed: it ran out of time.
        """
        return self._compose(
            "exec", "-T", "head", *PYTHON, stdin=script, timeout=timeout, on_line=on_line
        )

    def containers(self) -> tuple[Container, ...]:
        """All containers of the cluster, those that ended included.

        Raises:
            VerifyError: the engine does not answer.
        """
        with self._answers_expected():
            listed = self._compose("ps", "--all", "--format", "json", timeout=60)
        if listed.code:
            raise VerifyError(
                "the engine does not say what became of the cluster's containers",
                where=self.request.subject,
                todo="run `invoke doctor`, then verify again",
                detail=listed.tail,
            )
        return compose.listed(listed.stdout)

    def disturb(self, what: str, host: str) -> None:
        """Do to a worker what a check asks for: ``kill`` or ``start`` it. Whatever else an image
        asks for is not done.

        Raises:
            VerifyError: the engine does not answer.
        """
        if what not in ("kill", "start"):
            return
        for container in self.containers():
            if container.service == "worker" and container.host == host:
                self._docker(what, container.name)

    def start(self, container: Container) -> None:
        """Start a container that waits for it.

        Raises:
            VerifyError: the engine does not answer, or fails, which says nothing about the image.
        """
        started = self._docker("start", container.name)
        if started.code and not any(
            it.broken for it in self.containers() if it.name == container.name
        ):
            raise VerifyError(
                "the engine could not start a worker",
                where=self.request.subject,
                todo="mend what Docker reports, then verify again; `invoke doctor` may help",
                detail=started.tail,
            )

    def retire(self, container: Container) -> None:
        """End a worker so that the head is told of it, which notices a kill half a minute later.

        Raises:
            VerifyError: the engine does not answer, or does not stop it: the next one would be
                measured beside it.
        """
        stopped = self._docker("stop", "--time", "15", container.name)
        if stopped.code:
            raise VerifyError(
                "the engine could not stop a worker",
                where=self.request.subject,
                todo="mend what Docker reports, then verify again; `invoke doctor` may help",
                detail=stopped.tail,
            )

    def _docker(self, *arguments: str) -> Completed:
        with self._answers_expected():
            return process.run(["docker", *arguments], timeout=60, check=False)

    def log(self, container: Container) -> tuple[str, ...]:
        """The last lines that a container printed, standard error last.

        Raises:
            VerifyError: the engine does not answer.
        """
        with self._answers_expected():
            return compose.log_of(container.name)

    def last_probe(self, container: Container) -> tuple[str, ...]:
        """What the health check of a container said last.

        Raises:
            VerifyError: the engine does not answer.
        """
        template = "{{with .State.Health}}{{range .Log}}{{.Output}}\n{{end}}{{end}}"
        argv = ["docker", "inspect", "--format", template, container.name]
        with self._answers_expected():
            said = process.run(argv, timeout=60, check=False, keep=KEPT_BYTES)
        lines = said.stdout.splitlines()
        return tuple(f"its health check says: {line}" for line in lines if line.strip())[-1:]

    def down(self) -> Completed:
        """Remove containers and network, at once, also after an interrupt.

        Raises:
            VerifyError: the engine does not answer.
        """
        with self._answers_expected():
            return self._down()

    def _down(self) -> Completed:
        return self._compose(
            "down", "--volumes", "--remove-orphans", "--timeout", "0",
            timeout=_DOWN_SECONDS, shielded=True,
        )  # fmt: skip  # one option and its value a line

    def _compose(
        self,
        *arguments: str,
        timeout: float,
        stdin: bytes | None = None,
        on_line: Callable[[str], None] | None = None,
        shielded: bool = False,
    ) -> Completed:
        return process.run(
            compose.command(self.files, self.project, *arguments),
            env=self._variables,
            stdin=stdin,
            timeout=timeout,
            on_line=on_line,
            check=False,
            shielded=shielded,
            keep=KEPT_BYTES,
        )

    @contextmanager
    def _answers_expected(self) -> Iterator[None]:
        """A question to the engine: running out of time is the engine's failure."""
        try:
            yield
        except ProcessFailed as failure:
            raise VerifyError(
                "the Docker engine does not answer: "
                f"`{' '.join(failure.completed.argv[:2])}` ran out of time",
                where=self.request.subject,
                todo="run `invoke doctor`, then verify again",
                detail=failure.completed.tail,
            ) from failure

    @property
    def _variables(self) -> dict[str, str]:
        """All that the files interpolate. What sizes a node is left to their own defaults: a
        variable that happens to be set here must not bend a verdict."""
        return {
            **dict.fromkeys(_SIZES, ""),
            "DOCKER_DEFAULT_PLATFORM": "",
            "HEAD_IMAGE": self.request.head_ref,
            "WORKER_IMAGE": self.request.worker_ref,
            "HEAD_GPUS": "1" if self.request.head_gpus else "0",
            # Ray schedules by what nodes declare: that can be tried where there is no GPU.
            "WORKER_GPUS": "1" if self.request.worker_cell.device == "gpu" else "0",
            "RUN_ID": self.run_id,
            "RAY_AUTH_TOKEN": self.token,
        }
