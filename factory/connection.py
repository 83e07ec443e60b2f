"""Finding the Docker engine, and saying why there is none to be had."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from factory.errors import MachineError

if TYPE_CHECKING:
    from docker import APIClient

FLOOR = (25, 0)
"""The first Engine whose health checks have a ``start_interval``, which the cluster needs."""

START = "start it (`systemctl start docker`, or Docker Desktop), then run `invoke doctor`"
_DEFAULT = "unix:///var/run/docker.sock"
_ANSWER_SECONDS = 60


def connect() -> tuple[APIClient, str]:
    """A client of the engine of ``DOCKER_HOST``, else of the current Docker context.

    Returns:
        The client, and the engine's version.

    Raises:
        MachineError: it is down, too old, or this user may not use it.
    """
    import docker

    address = os.environ.get("DOCKER_HOST") or _DEFAULT
    try:
        where = _endpoint()
        address = str(where.get("base_url") or address)
        api = docker.APIClient(**where, version="auto", timeout=_ANSWER_SECONDS)
        version = str(api.version()["Version"])
    except Exception as error:  # docker-py lets errors of requests, urllib3 and OS through
        raise unreachable(error, address) from error
    if _release(version) < FLOOR:
        raise MachineError(
            f"the Docker engine is {version}, and {FLOOR[0]}.{FLOOR[1]} or newer is needed",
            where=address,
            todo="update it: older ones cannot run the cluster that images are verified in",
        )
    return api, version


def unreachable(error: BaseException, address: str) -> MachineError:
    """Why there is no connection; the reason is somewhere down the chain of wrapped errors."""
    kinds = {type(one) for one in _chain(error)}
    if PermissionError in kinds:
        return MachineError(
            "this user may not use the Docker engine",
            where=address,
            todo="add yourself to its group (`sudo usermod -aG docker $USER`) and log in again",
        )
    if kinds & {FileNotFoundError, ConnectionRefusedError, ConnectionResetError}:
        return MachineError("no Docker engine answers", where=address, todo=START)
    return MachineError(
        f"the Docker engine cannot be used: {error}",
        where=address,
        todo="see that DOCKER_HOST or the Docker context names an engine that runs",
    )


def _endpoint() -> dict[str, Any]:
    """Where the engine is, as the ``docker`` program finds it."""
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    if os.environ.get("DOCKER_HOST"):
        return dict(kwargs_from_env())
    context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))
    if context is None:
        raise LookupError("there is no such Docker context")
    if context.name == "default" or not context.Host:
        return {}
    return {"base_url": context.Host, "tls": context.TLSConfig or False}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _release(version: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
