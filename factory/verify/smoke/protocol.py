"""The lines in which the suite tells the factory, live, what it does.

Each is a prefix, a word that is new in every run, and one JSON object on a line of standard output,
so that what else a program prints is not taken for one.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

PREFIX = "@smoke "

ASK = "ask"
"""What makes a line of an interpreter's a request to the factory, and no result."""

PASS, FAIL, SKIPPED = "pass", "fail", "skipped"


class CheckFailed(Exception):
    """What was proven false, in words that need no traceback."""


def expect(condition: bool, message: str) -> None:
    """Fail the check unless the condition holds."""
    if not condition:
        raise CheckFailed(message)


@dataclass(frozen=True)
class Result:
    """The outcome of a check: status, why it is no pass, and lines that help to mend it."""

    status: str
    reason: str = ""
    detail: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Expected:
    """What the cluster is supposed to be.

    Attributes:
        nodes: how many, the head included.
        ray, python: versions, such as ``2.60.0`` and ``3.11``; empty where nobody says.
        device: ``cpu`` or ``gpu``: what the image is made for.
        cuda: the version of CUDA in an image for GPUs, such as ``13.0``; ``None`` in others.
        rllib: whether RLlib, with torch, is part of the image.
        torch: whether torch may be there: with RLlib, or because the image asks for it.
        workers: what the workers are, where they are of another image than the head.
        declared: whether somebody said what the image is to be. Else it is what it was found to be,
            and nodes are held against each other where there is nothing to hold them against.
        data, serve: whether it relies on these libraries of Ray's.
        arbitrary_uid, read_only: whether it promises to start as any user, and on a read-only root.
    """

    nodes: int
    ray: str
    python: str
    device: str = "cpu"
    cuda: str | None = None
    rllib: bool = False
    torch: bool = False
    declared: bool = True
    data: bool = False
    serve: bool = False
    arbitrary_uid: bool = False
    read_only: bool = False
    workers: Expected | None = None

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Expected:
        """What ``asdict`` made of one."""
        theirs = fields.get("workers")
        return cls(**{**fields, "workers": cls(**theirs) if theirs else None})

    @property
    def images(self) -> tuple[Expected, ...]:
        """What each image of the cluster is."""
        return (self, self.workers) if self.workers else (self,)

    def of(self, *, worker: bool) -> Expected:
        """What the image of a worker, or of the head, is."""
        return self.workers if worker and self.workers else self


@dataclass(frozen=True)
class Voice:
    """What the suite speaks to the factory with; the nonce marks what it says as this run's."""

    nonce: str

    def say(self, event: str, **fields: object) -> None:
        """Tell the factory that something begins or has ended."""
        sys.stdout.write(f"{PREFIX}{self.nonce} " + json.dumps({"event": event, **fields}) + "\n")
        sys.stdout.flush()
