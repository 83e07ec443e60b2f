"""How many more requests a registry takes, where it says so. Pure.

https://docs.docker.com/docker-hub/usage/pulls/: ``ratelimit-remaining: 76;w=21600``
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_FIGURE = re.compile(r"\s*([0-9]{1,9})(?:\s*;\s*w=([0-9]{1,9}))?", re.ASCII)
_FEW = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What is left of a limit.

    Attributes:
        limit: requests in all.
        remaining: of them, now.
        seconds: in which the limit holds; 0 where it was not said.
    """

    limit: int
    remaining: int
    seconds: int = 0

    def is_short(self, wanted: int) -> bool:
        """Whether so many requests are too many, or leave little."""
        return self.remaining - wanted < self.limit * _FEW

    def __str__(self) -> str:
        hours = f" in {self.seconds / 3600:.3g} h" if self.seconds else ""
        return f"{self.remaining} of {self.limit} pulls{hours} are left"


def allowance_of(headers: Mapping[str, str]) -> Allowance | None:
    """What an answer says of it; ``None`` if nothing."""
    limit = _FIGURE.match(headers.get("ratelimit-limit", ""))
    remaining = _FIGURE.match(headers.get("ratelimit-remaining", ""))
    if limit is None or remaining is None:
        return None
    window = limit[2] or remaining[2] or 0
    return Allowance(limit=int(limit[1]), remaining=int(remaining[1]), seconds=int(window))
