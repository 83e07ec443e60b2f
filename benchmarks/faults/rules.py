"""Which request meets which fault. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What a request meets in place of a plain answer."""

    THROTTLED = "429"
    THROTTLED_FOR = "429 with Retry-After"
    BROKEN = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    UNKNOWN_US = "401"
    RESET = "connection reset"
    STALL = "stall, then hang-up"
    TRUNCATED = "truncated answer"
    CORRUPT = "wrong digest"


STATUS = {
    Fault.THROTTLED: 429,
    Fault.THROTTLED_FOR: 429,
    Fault.BROKEN: 500,
    Fault.BAD_GATEWAY: 502,
    Fault.UNAVAILABLE: 503,
    Fault.UNKNOWN_US: 401,
}
"""The faults that are an answer by the proxy itself; the registry never hears of the request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A fault, and where it strikes.

    Attributes:
        method: of the request; several with `|` between them.
        path: what its path, with its query, has to match somewhere.
        nth: the first of the requests that match which is struck, from 1.
        times: how many in a row are.
        after: with ``RESET``, the bytes of the request's body that are let through before, or of
            the answer's where it has no body.
        since: what the path of a request matches that the registry must have taken before any other
            is counted, or struck.
        seconds: with ``STALL``, how long nothing is said.
    """

    fault: Fault
    method: str
    path: str
    nth: int = 1
    times: int = 1
    after: int = 0
    since: str = ""
    seconds: float = 1.0

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is one that it is about, struck or not."""
        return method in self.method.split("|") and re.search(self.path, path) is not None

    def strikes(self, count: int) -> bool:
        """Whether the ``count``-th of these requests is struck."""
        return self.nth <= count < self.nth + self.times


def spoilt(content: bytes) -> bytes:
    """As many bytes, one of which is another."""
    return content[:-1] + bytes([content[-1] ^ 1]) if content else content
