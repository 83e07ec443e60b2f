"""What ``docker info`` says, judged: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factory.connection import FLOOR
from factory.model import Finding, Health

_GIB = 2**30
BUILDX_FLOOR = (0, 13)
"""The first buildx whose ``--progress=rawjson`` the build room reads."""
COMPOSE_FLOOR = (2, 20)
MEMORY_GIB = 4
"""A head and two workers of Ray, each with its object store in shared memory."""
DISK_LOW_GIB, DISK_AMPLE_GIB = 6, 20
"""One base with Ray takes 2 GiB, and BuildKit, the engine and the registry each keep a copy."""

_BOOTSTRAP = "run `./bootstrap.sh`"
_INSTALL = f"install it (https://docs.docker.com/engine/install/); on Debian as root {_BOOTSTRAP}"
_START = f"start it (`systemctl start docker`, or Docker Desktop); on Debian as root {_BOOTSTRAP}"


def examine(info: Mapping[str, Any], said: str = "") -> tuple[Finding, ...]:
    """Engine, store, plugins, memory and GPU runtime from the document of ``docker info``.

    Args:
        said: the program's last words, for an engine that does not answer.
    """
    plugins = (
        _plugin(info, "buildx", BUILDX_FLOOR, "docker-buildx-plugin; on Debian docker-buildx"),
        _plugin(info, "compose", COMPOSE_FLOOR, "docker-compose-plugin; on Debian docker-compose"),
    )
    if not info.get("ServerVersion"):
        return (silent("; ".join(info.get("ServerErrors") or ()) or said), *plugins)
    return (_engine(info), _store(info), *plugins, _memory(info), _gpu(info))


def no_client() -> Finding:
    """There is no ``docker`` program."""
    return Finding(
        name="Docker engine", state=Health.MISSING, what="no `docker` on PATH", remedy=_INSTALL
    )


def silent(why: str) -> Finding:
    """There is a program, and no engine behind it."""
    denied = "permission denied" in why.lower()
    remedy = "add yourself to the group docker (`sudo usermod -aG docker $USER`), log in again"
    return Finding(
        name="Docker engine",
        state=Health.MISSING,
        what=why or "no engine answers",
        remedy=remedy if denied else _START,
    )


def disk(name: str, free: int, folder: Path) -> Finding:
    """Room on a disk, in bytes."""
    gib = free / _GIB
    what = f"{gib:.0f} GiB free ({folder})"
    if gib >= DISK_AMPLE_GIB:
        return Finding(name=name, state=Health.OK, what=what)
    state = Health.WARN if gib >= DISK_LOW_GIB else Health.MISSING
    remedy = "make room: `invoke clean`, `docker builder prune`, `docker image prune`"
    return Finding(name=name, state=state, what=what, remedy=remedy)


def _engine(info: Mapping[str, Any]) -> Finding:
    version = str(info["ServerVersion"])
    what = f"{version} on {info.get('OperatingSystem') or 'an unknown system'}"
    if _release(version) >= FLOOR:
        return Finding(name="Docker engine", state=Health.OK, what=what)
    remedy = f"update it to {FLOOR[0]}.{FLOOR[1]} or newer"
    return Finding(name="Docker engine", state=Health.MISSING, what=what, remedy=remedy)


def _store(info: Mapping[str, Any]) -> Finding:
    drivers = [value for name, value in info.get("DriverStatus") or () if name == "driver-type"]
    driver = info.get("Driver")
    if any("containerd.snapshotter" in driver for driver in drivers):
        return Finding(name="image store", state=Health.OK, what=f"containerd ({driver})")
    if driver == "overlay2":
        return Finding(name="image store", state=Health.OK, what="overlay2")
    return Finding(
        name="image store",
        state=Health.WARN,
        what=str(driver),
        remedy="use overlay2 or the containerd store: this one is slow, or not tried",
    )


def _plugin(info: Mapping[str, Any], name: str, floor: tuple[int, int], package: str) -> Finding:
    label = name.capitalize() if name == "compose" else name
    plugins = (info.get("ClientInfo") or {}).get("Plugins") or ()
    versions = [str(one.get("Version")) for one in plugins if one.get("Name") == name]
    needed = f"{floor[0]}.{floor[1]} or newer ({package}), or {_BOOTSTRAP} on Debian as root"
    if not versions:
        what, remedy = "not installed", f"install {needed}"
    elif _release(versions[0]) < floor:
        what, remedy = versions[0], f"update it to {needed}"
    else:
        return Finding(name=label, state=Health.OK, what=versions[0])
    return Finding(name=label, state=Health.MISSING, what=what, remedy=remedy)


def _memory(info: Mapping[str, Any]) -> Finding:
    gib = int(info.get("MemTotal") or 0) / _GIB
    what = f"{gib:.0f} GiB, {info.get('NCPU') or '?'} processors"
    if gib >= MEMORY_GIB:
        return Finding(name="memory", state=Health.OK, what=what)
    remedy = f"give the engine {MEMORY_GIB} GiB: a cluster of three Ray nodes runs in it"
    return Finding(name="memory", state=Health.WARN, what=what, remedy=remedy)


def _gpu(info: Mapping[str, Any]) -> Finding:
    devices = [str(one.get("ID", "")) for one in info.get("DiscoveredDevices") or ()]
    if "nvidia" in (info.get("Runtimes") or {}) or any("nvidia" in device for device in devices):
        return Finding(name="NVIDIA runtime", state=Health.OK, what="known to the engine")
    return Finding(
        name="NVIDIA runtime",
        state=Health.WARN,
        what="none",
        remedy="only GPU images need it: install nvidia-container-toolkit, then "
        "`nvidia-ctk runtime configure`",
    )


def _release(version: str) -> tuple[int, int]:
    found = re.search(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
