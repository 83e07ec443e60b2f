"""The shared edge to Docker Compose: what is asked of it, and what it says of containers."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from factory import process

KEPT_BYTES = 4 * 1024 * 1024
"""What a container says at most: an image could print without end."""

LOG_LINES = 2000
_HOST_DIGITS = 12
_CANNOT_EXECUTE = (126, 127)
_LOG_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """A container of a cluster: its names, the engine's word for its state, and the rest.

    Attributes:
        host: its host name, which is the beginning of its id.
    """

    name: str
    host: str
    service: str
    state: str
    health: str
    exit_code: int

    @property
    def broken(self) -> bool:
        """Whether it ended, or could not start for want of a program of its own."""
        no_program = self.state == "created" and self.exit_code in _CANNOT_EXECUTE
        return self.state in ("exited", "dead", "restarting") or no_program

    @property
    def fate(self) -> str:
        """What became of it, in words."""
        if self.broken:
            return f"{self.name} ended with exit code {self.exit_code}"
        return f"{self.name} is {self.state}" + (f" and {self.health}" if self.health else "")


def command(files: Sequence[Path], project: str, *arguments: str) -> list[str]:
    """Compose on these definitions. No .env of the folder's: what the files are filled with comes
    from the caller's variables alone."""
    named = [argument for file in files for argument in ("-f", str(file))]
    return ["docker", "compose", "--env-file", os.devnull, *named, "-p", project, *arguments]


def listed(answer: str) -> tuple[Container, ...]:
    """The containers in an answer of ``ps --all --format json``, by name."""
    rows = [json.loads(line) for line in answer.splitlines() if line.strip()]
    return tuple(
        Container(
            name=row["Name"],
            host=row["ID"][:_HOST_DIGITS],
            service=row["Service"],
            state=row["State"],
            health=row["Health"],
            exit_code=int(row["ExitCode"]),
        )
        for row in sorted(rows, key=lambda row: str(row["Name"]))
    )


def log_of(container: str) -> tuple[str, ...]:
    """The last lines that a container printed, standard error last.

    Raises:
        ProcessFailed: the engine does not answer in time.
    """
    argv = ["docker", "logs", "--tail", str(LOG_LINES), container]
    said = process.run(argv, timeout=_LOG_SECONDS, check=False, keep=KEPT_BYTES)
    return (*said.stdout.splitlines(), *said.stderr.splitlines())
