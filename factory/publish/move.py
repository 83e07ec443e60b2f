"""Moving layers with ``docker``, which may wait for ever on a connection that is half dead, and
which gives up on much that passes in a moment."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from factory import process
from factory.errors import Interrupted, PublishError
from factory.registry import pause

_SECONDS = 30 * 60.0
_TRIES = 5
_STEP_SECONDS = 0.2
_PASSING = re.compile(
    r"\b(408|429|5\d\d) [A-Z][a-z]+|toomanyrequests|too many requests|rate exceeded"
    r"|status(?: code)?:? (408|429|5\d\d)\b"
    r"|connection (reset|refused)|broken pipe|unexpected EOF|: EOF|EOF$|i/o timeout"
    r"|TLS handshake timeout|deadline exceeded|Client\.Timeout|server closed idle connection"
    r"|no such host|temporary failure|failed size validation|unexpected commit digest"
    r"|digest invalid|blob upload (unknown|invalid)|received unexpected HTTP status: 5\d\d"
    r"|cannot connect to the docker daemon|error during connect|is the docker daemon running"
    r"|ttrpc: closed|transport is closing|error reading from server|connection is closing"
    r"|content digest .* not found|blob unknown|(manifests|uploads)/\S+: 400\b",
    re.IGNORECASE | re.MULTILINE,
)
"""What ``docker``, its engine and containerd say of things that may work a moment later: a registry
that is busy or away, a connection that broke, an engine that is being restarted. So is HTTP 400: of
two pushes that share a layer, containerd lets the one go on to its manifest while the other still
sends the layer, and to the registry that layer is unknown."""

_FINAL = re.compile(
    r"no space left on device|unauthorized|denied|insufficient_scope", re.IGNORECASE
)
"""What they say beside it where it will not."""

_WAIT = re.compile(r"retry[- ]after:? *\"?(\d+(?:\.\d+)?) *(ms|s|m)?\b", re.IGNORECASE)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def docker(
    verb: str,
    name: str,
    *,
    failed: str,
    todo: str,
    env: Mapping[str, str] | None = None,
    sleep: Callable[[float], None] | None = None,
) -> None:
    """``docker push`` or ``docker pull`` a name, within half an hour. What failed for now is tried
    again, five times at most: the layers that are there are not sent again.

    Args:
        verb: which of both.
        name: the image's name, with its registry.
        failed: what to say happened, and ``todo`` what to do, where it fails.
        env: variables on top of the factory's own.
        sleep: how to wait; for tests.

    Raises:
        PublishError: it failed, or took longer.
        Interrupted: the run was cancelled.
    """
    deadline = time.monotonic() + _SECONDS
    for attempt in range(1, _TRIES + 1):
        left = max(deadline - time.monotonic(), _STEP_SECONDS)
        try:
            process.run(["docker", verb, "--quiet", name], env=env, timeout=left)
            return
        except process.ProcessFailed as error:
            said = "\n".join(error.completed.tail)
            if attempt == _TRIES or error.timed_out or not passes(said):
                late = f" within {_SECONDS / 60:.0f} minutes" if error.timed_out else ""
                raise PublishError(
                    failed + late, where=name, todo=todo, detail=error.completed.tail[-5:]
                ) from error
            (sleep or _sleep)(pause(attempt, asked(said)))


def passes(said: str) -> bool:
    """Whether what ``docker`` said tells of something that may work a moment later. Pure."""
    return bool(_PASSING.search(said)) and not _FINAL.search(said)


def asked(said: str) -> float | None:
    """The seconds that a registry asks to be left alone, where ``docker`` passes that on. Pure."""
    found = _WAIT.search(said)
    return float(found[1]) * _UNITS[(found[2] or "s").lower()] if found else None


def _sleep(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if process.is_cancelled():
            raise Interrupted("interrupted")
        time.sleep(min(left, _STEP_SECONDS))
