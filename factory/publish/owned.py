"""A process that outlives us, recorded so that it can be ended later, and no other in its place.

A process number is used again after its process ended; with the moment at which the process began
it is unique.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

SUPPORTED = Path("/proc/self/stat").exists()
"""Only where there is ``/proc`` can one tell when a process began."""

_END_SECONDS = 5.0


def record(path: Path, pid: int) -> None:
    """Write down a process that was just started."""
    path.write_text(json.dumps({"pid": pid, "began": _began(pid)}))


def is_alive(pid: int) -> bool:
    """Whether there is such a process now."""
    return _began(pid) is not None


def end(path: Path) -> bool:
    """End the recorded process if it is still the same one, wait for that, and forget it.

    Returns:
        Whether it was alive.
    """
    pid, began = _read(path)
    alive = began is not None and _began(pid) == began
    for number in (signal.SIGTERM, signal.SIGKILL) if alive else ():
        if _ends(pid, began, number):
            break
    path.unlink()
    return alive


def _read(path: Path) -> tuple[int, str | None]:
    try:
        known = json.loads(path.read_text())
        return int(known["pid"]), known["began"]
    except (ValueError, KeyError, TypeError):
        return 0, None  # its writer was killed while writing: nothing to go by


def _ends(pid: int, began: str | None, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + _END_SECONDS
    while _began(pid) == began and time.monotonic() < deadline:
        time.sleep(0.02)
    return _began(pid) != began


def _began(pid: int) -> str | None:
    """When a living process began: the boot's id and the ticks since; see proc(5)."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if state in "ZX" else f"{boot}/{fields[18]}"
