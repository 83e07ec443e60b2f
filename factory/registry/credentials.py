"""Credentials for registries, from where ``docker login`` keeps them.

Helpers first, then the file, as Docker does:
https://docs.docker.com/reference/cli/docker/login/#credential-stores
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factory import process
from factory.errors import MachineError, machine_error

_TOKEN_USER = "<token>"
_NOT_FOUND = "credentials not found"  # the protocol has no other way to say so
_HELPER_SECONDS = 30.0
_REMEDY = "mend it, or log in again with `docker login`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """Who asks.

    Attributes:
        username: empty where ``secret`` is an identity token.
        secret: a password, or an identity token, which only a token service takes.
    """

    username: str
    secret: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The value of an ``Authorization`` header."""
        pair = f"{self.username}:{self.secret}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


def docker_credentials(key: str) -> Credentials | None:
    """What Docker keeps for a registry; ``None`` if nothing.

    Args:
        key: ``host[:port]``, or Docker Hub's ``https://index.docker.io/v1/``.

    Raises:
        MachineError: Docker's configuration cannot be read, or a credential helper that it names
            is missing or fails.
    """
    folder = os.environ.get("DOCKER_CONFIG") or Path("~/.docker").expanduser()
    path = Path(folder, "config.json")
    config = _read(path)
    helper = _table(config.get("credHelpers")).get(key, config.get("credsStore"))
    if helper:
        return _from_helper(str(helper), key)
    return _from_file(_table(config.get("auths")), key, path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return _table(json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise machine_error(error) from error
    except ValueError:  # its text has secrets in it, and so has the error
        raise _broken(path, "is not JSON") from None


def _from_file(auths: dict[str, Any], key: str, path: Path) -> Credentials | None:
    by_host = {_host(name): entry for name, entry in reversed(auths.items())}
    entry = _table(auths.get(key) or by_host.get(_host(key)))
    if entry.get("identitytoken"):
        return Credentials(username="", secret=str(entry["identitytoken"]))
    try:
        packed = base64.b64decode(str(entry.get("auth") or ""), validate=True).decode()
    except ValueError:
        raise _broken(path, f"has an `auth` for {key} that is not base64") from None
    username, _, secret = packed.partition(":")
    username = username or str(entry.get("username") or "")
    secret = secret.strip("\0") or str(entry.get("password") or "")
    return Credentials(username=username, secret=secret) if username and secret else None


def _from_helper(name: str, key: str) -> Credentials | None:
    program = f"docker-credential-{name}"
    tool = process.find_tool(program)
    if tool is None:
        raise MachineError(
            f"Docker keeps the credentials for {key} with `{program}`, which is not there",
            todo="install it, or take its name out of Docker's config.json and log in again",
        )
    try:
        done = process.run([tool, "get"], stdin=key.encode(), timeout=_HELPER_SECONDS)
        found = _table(json.loads(done.stdout))
    except process.ProcessFailed as error:
        if _NOT_FOUND in error.completed.stdout:
            return None
        what = f"`{program}` ended with {error.completed.code} when asked for {key}"
        what = f"`{program}` did not answer in time" if error.timed_out else what
        raise MachineError(what, todo=_REMEDY) from None  # what it wrote may be a secret
    except ValueError:
        raise MachineError(f"`{program}` did not answer with JSON", todo=_REMEDY) from None
    username, secret = str(found.get("Username") or ""), str(found.get("Secret") or "")
    if not secret:
        return None
    return Credentials(username="" if username == _TOKEN_USER else username, secret=secret)


def _host(name: str) -> str:
    """Of an address, as older Dockers kept them: ``https://host/v1/``."""
    return name.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _broken(path: Path, what: str) -> MachineError:
    return MachineError(f"Docker's configuration {what}", where=str(path), todo=_REMEDY)
