"""Credentials for ``docker push`` and ``docker pull``: in a Docker configuration of the run's own.

They are in no argument list and in no variable: only the folder's name is. It is readable for this
user alone, holds nothing but what the run's targets need, and is deleted when the run ends. What a
run that was killed has left, the next one deletes: it finds that nobody holds the folder's lock.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from factory.registry import locate
from factory.registry.access import FindCredentials
from factory.registry.credentials import Credentials

_SECRET = ("auths", "credsStore", "credHelpers")
"""The keys of Docker's configuration that lead to secrets."""

_LINKED = ("contexts", "cli-plugins", "tls")
"""What else is in its folder that the client goes by: which engine it speaks to, above all."""

_NAME = "config.json"


class Logins:
    """The Docker configuration of one run. Threads may share it.

    Args:
        root: the folder under which it is made, when it is first needed.
        find: what is known of a registry, by Docker's key for it.
        home: the user's own folder of Docker's configuration.
    """

    def __init__(self, root: Path, find: FindCredentials, home: Path | None = None) -> None:
        self._root = root
        self._find = find
        self._home = home
        self._lock = threading.Lock()
        self._known: dict[str, Credentials] = {}
        self._folder: Path | None = None
        self._held: FileLock | None = None

    def environment(self, repository: str) -> Mapping[str, str]:
        """Variables for a client that moves something to or from a repository; none where nothing
        is known of its registry: then Docker's own configuration will do.

        Raises:
            FactoryError: the credentials cannot be had.
        """
        key = locate(repository).key
        found = self._find(key)
        if found is None:
            return {}
        with self._lock:
            if self._folder is None:
                self._folder = self._make()
            if self._known.get(key) != found:
                self._known[key] = found
                self._write(self._folder)
            return {"DOCKER_CONFIG": str(self._folder)}

    def close(self) -> None:
        """Delete it."""
        with self._lock:
            if self._folder:
                shutil.rmtree(self._folder, ignore_errors=True)
            if self._held:
                self._held.release()
                Path(self._held.lock_file).unlink(missing_ok=True)
            self._folder = self._held = None
            self._known = {}

    def _make(self) -> Path:
        self._root.mkdir(parents=True, exist_ok=True)
        sweep(self._root)
        folder = self._root / f"login-{secrets.token_hex(8)}"
        self._held = FileLock(folder.with_suffix(".lock"))  # held before there is what it is for
        self._held.acquire()
        folder.mkdir(mode=0o700)
        home = self._home_folder()
        for name in _LINKED:
            if (home / name).exists():
                (folder / name).symlink_to((home / name).resolve())
        return folder

    def _home_folder(self) -> Path:
        named = os.environ.get("DOCKER_CONFIG")
        return self._home or Path(named or Path("~/.docker").expanduser())

    def _write(self, folder: Path) -> None:
        """The user's configuration without its secrets, and with ours; at once or not at all."""
        auths = {key: _entry(found) for key, found in self._known.items()}
        document = {**_settings(self._home_folder() / _NAME), "auths": auths}
        handle, name = tempfile.mkstemp(dir=folder)  # mode 0600
        with os.fdopen(handle, "w") as file:
            json.dump(document, file)
        Path(name).replace(folder / _NAME)


def sweep(root: Path) -> int:
    """Delete the folders of runs that are dead; how many there were."""
    count = 0
    for folder in root.glob("login-*"):
        if not folder.is_dir():
            continue
        lock = FileLock(folder.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)
        count += 1
    return count


def _settings(path: Path) -> dict[str, Any]:
    """Docker's configuration but for what leads to secrets."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):  # who looks for credentials there has told of it
        return {}
    known = document if isinstance(document, dict) else {}
    return {name: value for name, value in known.items() if name not in _SECRET}


def _entry(found: Credentials) -> dict[str, str]:
    if not found.username:
        return {"identitytoken": found.secret}
    pair = f"{found.username}:{found.secret}".encode()
    return {"auth": base64.b64encode(pair).decode()}
