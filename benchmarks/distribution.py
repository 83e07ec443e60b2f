"""A real registry for a bench: Distribution as a process, at a port and in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from factory import process
from factory.errors import MachineError, RegistryError
from factory.registry import Registry

USER, PASSWORD = "me", "hush-hush"  # of a registry that lives for minutes
_HTPASSWD = "me:$2b$04$Mc85gYrNTLF9.5a/Rr/FxeoGIDqy01m9AfFQdGmH3qh0PoSlY1S2C\n"
DELETES = True
"""Whether such a registry removes what it is asked to."""

_SECONDS = 30.0


@contextmanager
def distribution(
    folder: Path, *, guarded: bool = False, store: Path | None = None
) -> Iterator[str]:
    """``host:port`` of a registry that removes what it is asked to.

    Args:
        folder: what it may fill; made and removed here.
        guarded: whether it lets in nobody but ``USER``.
        store: where it keeps what it has, if not in ``folder``.

    Raises:
        MachineError: there is no such program, or it does not start.
    """
    folder.mkdir(parents=True)
    more = {
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(store or folder / "store")},
            "delete": {"enabled": DELETES},
        },
        **(guarding(folder) if guarded else {}),
    }
    try:
        with registry_at("", folder, more) as host:
            yield host
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def guarding(folder: Path) -> dict[str, Any]:
    """The configuration by which a registry lets in nobody but ``USER``."""
    (folder / "htpasswd").write_text(_HTPASSWD)
    return {"auth": {"htpasswd": {"realm": "here", "path": str(folder / "htpasswd")}}}


@contextmanager
def registry_at(name: str, folder: Path, more: Mapping[str, Any]) -> Iterator[str]:
    """A registry with more configuration: by the ``name`` under which ``more`` has it listen, or
    at a port of its own.

    Raises:
        MachineError: there is no such program, or it does not start.
    """
    program = process.find_tool("docker-registry") or process.find_tool("registry")
    if program is None:
        raise MachineError("there is no registry program", todo="install docker-registry")
    host, config = name or f"127.0.0.1:{free_port()}", folder / "config.json"
    document = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "store")}},
        "http": {"addr": host},
        **more,
    }
    config.write_text(json.dumps(document))
    pid = process.daemon([program, "serve", str(config)], log=folder / "log")
    try:
        _await(host)
        yield host
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(host: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            return Registry().hasty().ping(f"{host}/any")
        except RegistryError as error:
            if time.monotonic() > deadline:
                raise MachineError(f"the registry does not start: {error.what}") from error
            time.sleep(0.05)
