"""The lines in which the suite tells the factory, live, what it does.

Each is a prefix and one JSON object on a line of standard output, so that whatever else a program
prints cannot be taken for one.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

PREFIX = "@smoke "

PASS, FAIL, SKIPPED = "pass", "fail", "skipped"


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
    """What the cluster is supposed to be: nodes (head included), Ray, Python (``3.11``)."""

    nodes: int
    ray: str
    python: str


def say(event: str, **fields: object) -> None:
    """Tell the factory that something begins or has ended."""
    sys.stdout.write(PREFIX + json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()
