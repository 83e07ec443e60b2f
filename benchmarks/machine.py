"""The machine that a figure is of, and how busy it was."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factory import process, trivy
from factory.engine import Engine

_STAT = Path("/proc/stat")
_TOOLS: Mapping[str, tuple[str, ...]] = {
    "buildx": ("docker", "buildx", "version"),
    "compose": ("docker", "compose", "version", "--short"),
}


def facts(engine: Engine) -> dict[str, Any]:
    """Cores, memory, the engine with its store, and versions: what a figure depends on. No names of
    hosts or people."""
    return {
        "cores": cores(),
        "processor": _field(Path("/proc/cpuinfo"), "model name"),
        "memory_bytes": 1024 * int(_field(Path("/proc/meminfo"), "MemTotal").split()[0]),
        "system": _system(),
        "load_at_end": round(os.getloadavg()[0], 2),
        "engine": engine.version,
        "store": engine.store.value,
        **{name: _version(argv) for name, argv in _TOOLS.items()},
        "trivy": trivy.locate().version,
        "python": platform.python_version(),
    }


def cores() -> int:
    """How many there are."""
    return os.cpu_count() or 1


def busy_seconds() -> float:
    """CPU seconds that this machine has worked since its start, all cores together: neither idle,
    nor waiting for a disk, nor taken by other guests of its host."""
    return _busy(_STAT.read_text("ascii"), os.sysconf("SC_CLK_TCK"))


def _busy(stat: str, ticks: int) -> float:
    """proc(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are within user."""
    user, nice, system, _idle, _wait, irq, softirq = map(int, stat.split()[1:8])
    return (user + nice + system + irq + softirq) / ticks


def _field(file: Path, name: str) -> str:
    lines = (line.partition(":") for line in file.read_text("utf-8").splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "unknown")


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _version(argv: tuple[str, ...]) -> str:
    words = process.run(argv, check=False).stdout.split()
    return next((word for word in words if word.lstrip("v")[:1].isdigit()), "unknown")
