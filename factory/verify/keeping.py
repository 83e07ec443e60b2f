"""What is kept of a cluster that failed, before it is taken down: what each container printed, and
what Ray logged in it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from factory.compose import Container
from factory.engine import Engine
from factory.errors import MachineError, VerifyError
from factory.verify.compose import Cluster
from factory.verify.telling import Log

SESSION = "/tmp/ray/session_latest/logs"  # noqa: S108  # Ray's place for them, in the container


def keep_logs(cluster: Cluster, folder: Path | None, log: Log) -> None:
    """Keep the logs of all containers in a folder, in place of those of an earlier failure."""
    if folder is None:
        return
    shutil.rmtree(folder, ignore_errors=True)
    try:
        containers = cluster.containers()
        if not containers:  # it failed before there was a cluster
            return
        folder.mkdir(parents=True)
        for container in containers:
            _write(folder, container, cluster.log(container))
    except VerifyError as error:  # the verdict is reached: it outweighs its logs
        log(f"not all logs could be kept: {error.what}")
        return
    kept = sum(_session(folder, container, log) for container in containers)
    more = f", with {kept} files of Ray's" if kept else ""
    log(f"the logs of all containers are in {folder}{more}")


def _write(folder: Path, container: Container, lines: Sequence[str]) -> None:
    (folder / f"{container.name}.log").write_text("\n".join([*lines, ""]), encoding="utf-8")


def _session(folder: Path, container: Container, log: Log) -> int:
    """The ends of Ray's own logs in one container, whether it runs or has ended; how many."""
    try:
        found = Engine.connect().files(container.name, SESSION)
    except MachineError as error:
        log(f"the logs of Ray in {container.name} could not be kept: {error.what}")
        return 0
    for name, content in found.items():
        path = folder / container.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(found)
