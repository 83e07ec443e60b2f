"""What BuildKit is asked for, as its two clients take it: a build alone, or several in one bake.

https://docs.docker.com/reference/cli/docker/buildx/build/
https://docs.docker.com/build/bake/reference/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factory.model import PLATFORM
from factory.text import for_bake


@dataclass(frozen=True, kw_only=True, slots=True)
class Solve:
    """One solve.

    Attributes:
        name: of the target, of letters, digits, ``_`` and ``-``.
        dockerfile: it, with a ``.dockerignore`` of its own beside it.
        context: the main context.
        contexts: those that have names.
        variables: build arguments whose values come from the environment, and not from here.
        secrets: each as ``--secret`` takes it; they name files and variables, and hold nothing.
        labels: on the image.
        stage: the one to build, or ``None`` for the last.
        output: as ``--output`` takes it.
    """

    name: str
    dockerfile: Path
    context: Path
    contexts: Mapping[str, Path] = field(default_factory=dict)
    variables: Sequence[str] = ()
    secrets: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    stage: str | None = None
    output: str

    def arguments(self) -> list[str]:
        """Those of ``buildx build``."""
        named = {
            "--build-arg": self.variables,
            "--build-context": [f"{name}={folder}" for name, folder in self.contexts.items()],
            "--secret": self.secrets,
        }
        return [
            f"--platform={PLATFORM}",
            f"--file={self.dockerfile}",
            *([f"--target={self.stage}"] if self.stage else []),
            *(word for flag, values in named.items() for value in values for word in (flag, value)),
            *(f"--label={name}={value}" for name, value in self.labels.items()),
            f"--output={self.output}",
            str(self.context),
        ]

    def target(self) -> dict[str, Any]:
        """The target of a bake file, fit for JSON."""
        return {
            "context": for_bake(str(self.context)),
            "contexts": {name: for_bake(str(path)) for name, path in self.contexts.items()},
            "dockerfile": for_bake(str(self.dockerfile)),
            "args": dict.fromkeys(self.variables),
            "secret": [for_bake(secret) for secret in self.secrets],
            "labels": {name: for_bake(value) for name, value in self.labels.items()},
            **({"target": self.stage} if self.stage else {}),
            "platforms": [PLATFORM],
            "output": [for_bake(self.output)],
        }


def bake_file(solves: Sequence[Solve]) -> dict[str, Any]:
    """The content of a bake file of several solves, all of which are its default."""
    return {
        "group": {"default": {"targets": [solve.name for solve in solves]}},
        "target": {solve.name: solve.target() for solve in solves},
    }
