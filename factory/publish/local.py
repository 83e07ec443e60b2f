"""The embedded default target: a Distribution registry on this machine, started when needed.

It runs as a process where there is such a program, else as a container, and outlives the factory.
Its store is outside the checkout, and is one for all addresses; all else is of one address, so that
a registry at another port does not make the first one unknown. Only what was started from here is
ever stopped.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from filelock import FileLock

from factory import process
from factory.engine import Engine
from factory.errors import MachineError, PublishError
from factory.publish import owned
from factory.registry import base_url, is_loopback
from factory.settings import Settings

LABEL = "io.ray-image-factory.registry"
IMAGE = "registry:2"
PROGRAMS = ("docker-registry", "registry")
LOG = {"level": "warn", "accesslog": {"disabled": True}}
_START_SECONDS = 15.0
_PROBE_SECONDS = 2.0


class _Port(Enum):
    """What is behind a port: nothing, a registry, or something else."""

    FREE = 0
    REGISTRY = 1
    OTHER = 2


def ensure(settings: Settings, connect: Callable[[], Engine] = Engine.connect) -> str:
    """Have a registry answer at ``settings.registry``; whichever answers there already will do.

    Args:
        settings: where it listens, and where its store is.
        connect: how to reach an engine, asked only where a container must do.

    Returns:
        ``host:port``.

    Raises:
        PublishError: something else holds the port.
        MachineError: there is no registry program, and no image of one either.
    """
    if _probe(settings.registry) is _Port.REGISTRY:
        return settings.registry
    if not is_loopback(settings.registry):
        raise _elsewhere(settings.registry)
    folder = _folder(settings)
    with FileLock(folder / "start.lock"):
        found = _probe(settings.registry)
        if found is _Port.OTHER:
            raise _taken(settings.registry)
        if found is _Port.FREE:
            _start(settings, connect)
    return settings.registry


def begun(settings: Settings) -> bool:
    """Whether there is anything in its store, or another registry at its address."""
    return _store(settings).is_dir() or _probe(settings.registry) is not _Port.FREE


def stop(settings: Settings, connect: Callable[[], Engine] = Engine.connect) -> bool:
    """End the registry of this address, if it was started from here; no other one.

    Returns:
        Whether there was one.
    """
    folder = _folder(settings)
    with FileLock(folder / "start.lock"):
        record = folder / "process.json"
        if record.exists():
            return owned.end(record)
        record = folder / "container"
        if not record.exists():
            return False
        engine = connect()
        ours = engine.resources(f"{LABEL}={folder}")
        for resource in ours:
            engine.remove(resource)
        record.unlink()
        return bool(ours)


def _start(settings: Settings, connect: Callable[[], Engine]) -> None:
    programs = (process.find_tool(name) for name in PROGRAMS)
    program = next((found for found in programs if found), None)
    if program and owned.SUPPORTED:
        _start_process(settings, program)
    else:
        _start_container(settings, connect())


def _start_process(settings: Settings, program: str) -> None:
    folder = _folder(settings)
    config, log = folder / "config.json", folder / "registry.log"
    config.write_text(json.dumps(_config(settings), indent=2))
    log.unlink(missing_ok=True)
    pid = process.daemon([program, "serve", str(config)], log=log, env=_environment())
    owned.record(folder / "process.json", pid)
    _await(settings, lambda: owned.is_alive(pid), lambda: log.read_text().splitlines())


def _environment() -> dict[str, str]:
    """Little of the user's: ``REGISTRY_…`` would overrule its configuration, and a daemon that
    lives for months must not hold the tokens of the shell that happened to start it."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def _config(settings: Settings) -> dict[str, object]:
    """Distribution's configuration; JSON is YAML."""
    return {
        "version": "0.1",
        "log": LOG,
        "storage": {
            "filesystem": {"rootdirectory": str(_store(settings))},
            "delete": {"enabled": True},
        },
        "http": {"addr": settings.registry},
    }


def _start_container(settings: Settings, engine: Engine) -> None:
    folder, store = _folder(settings), _store(settings)
    store.mkdir(exist_ok=True)
    for left in engine.resources(f"{LABEL}={folder}"):
        engine.remove(left)
    (folder / "container").touch()
    argv = ["docker", "run", "--detach", f"--label={LABEL}={folder}", "--restart=unless-stopped"]
    argv += [f"--publish={settings.registry}:5000", f"--volume={store}:/var/lib/registry"]
    argv += ["--env=REGISTRY_STORAGE_DELETE_ENABLED=true", IMAGE]
    try:
        container = process.run(argv).stdout.strip()
    except process.ProcessFailed as error:
        raise MachineError(
            f"there is no registry program here, and {IMAGE} cannot be run instead",
            where=settings.registry,
            todo="install one (`apt-get install docker-registry`), or set FACTORY_REGISTRY to the "
            "host:port of a registry that runs",
            detail=error.completed.tail[-5:],
        ) from error
    logs = ["docker", "logs", "--tail=20", container]
    _await(settings, lambda: True, lambda: list(process.run(logs, check=False).tail))


def _await(settings: Settings, alive: Callable[[], bool], said: Callable[[], list[str]]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if _probe(settings.registry) is _Port.REGISTRY:
            return
        if not alive():
            break
        time.sleep(0.05)
    raise MachineError(
        "the local registry was started and does not answer",
        where=settings.registry,
        todo=f"see what it said, and its store {_store(settings)}",
        detail=said()[-10:],
    )


def _probe(address: str) -> _Port:
    from urllib3 import PoolManager
    from urllib3.exceptions import HTTPError, NewConnectionError

    try:
        answer = PoolManager(timeout=_PROBE_SECONDS, retries=False).request(
            "GET", f"{base_url(address)}/v2/", redirect=False
        )
    except NewConnectionError:
        return _Port.FREE
    except HTTPError:
        return _Port.OTHER
    # The header is what the API is told by; one that wants a login is a registry all the same.
    version = answer.headers.get("Docker-Distribution-Api-Version", "")
    known = answer.status in (200, 401) and (
        version.startswith("registry/2") or _empty(answer.data)
    )
    return _Port.REGISTRY if known else _Port.OTHER


def _empty(body: bytes) -> bool:
    return body.strip() == b"{}"


def _folder(settings: Settings) -> Path:
    """What is kept of the registry at one address."""
    folder = settings.data / "registry" / settings.registry.replace(":", "_")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(
            f"the local registry's folder cannot be made: {error.strerror}",
            where=str(folder),
            todo="make it writable for you, or set XDG_DATA_HOME to a folder that is",
        ) from error
    return folder


def _store(settings: Settings) -> Path:
    return settings.data / "registry" / "store"


def _taken(address: str) -> PublishError:
    return PublishError(
        "something that is not a registry holds the local registry's port",
        where=address,
        todo="end it, or set FACTORY_REGISTRY to another port, such as 127.0.0.1:5001",
    )


def _elsewhere(address: str) -> PublishError:
    return PublishError(
        "the registry does not answer, and one can be started on this machine only",
        where=address,
        todo="see that it runs, or unset FACTORY_REGISTRY to use the local one",
    )
