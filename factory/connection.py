"""Finding the Docker engine, and saying why there is none to be had."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from factory import daemon
from factory.errors import MachineError

if TYPE_CHECKING:
    from docker import APIClient

FLOOR = (25, 0)
"""The first Engine whose health checks have a ``start_interval``, which the cluster needs."""

START = "start it (`systemctl start docker`, or Docker Desktop), then run `invoke doctor`"
_DEFAULT = "unix:///var/run/docker.sock"
_ANSWER_SECONDS = 60
_OK = 200


class Connection:
    """The way to the engine of ``DOCKER_HOST``, else of the current Docker context.

    docker-py is loaded when something asks for its client, or the engine is not on this machine.

    Attributes:
        version: the engine's.
    """

    def __init__(self) -> None:
        """Connect.

        Raises:
            MachineError: it is down, too old, or this user may not use it.
        """
        self._socket = daemon.local_address()
        self._client: APIClient | None = None
        self._lock = threading.Lock()
        where = self._socket or os.environ.get("DOCKER_HOST") or _DEFAULT
        try:
            self.version = str(self.ask("/version")["Version"])
        except MachineError:
            raise
        except Exception as error:  # whatever else answers there
            raise unreachable(error, where) from error
        if _release(self.version) < FLOOR:
            raise MachineError(
                f"the Docker engine is {self.version}, "
                f"and {FLOOR[0]}.{FLOOR[1]} or newer is needed",
                where=where,
                todo="update it: older ones cannot run the cluster that images are verified in",
            )

    @property
    def client(self) -> APIClient:
        """docker-py's.

        Raises:
            MachineError: the engine cannot be used.
        """
        with self._lock:
            self._client = self._client or _client()
            return self._client

    def ask(self, path: str, filters: object = None) -> Any:
        """The document behind a path of the API.

        Args:
            path: below the version; it may have a query.
            filters: those of images, containers and the like.

        Raises:
            Refusal: the engine answers with an error.
            MachineError: it cannot be used.
        """
        if self._socket is None:
            status, body = _by_client(self.client, path, filters)
        else:
            try:
                status, body = daemon.ask(self._socket, path, filters, seconds=_ANSWER_SECONDS)
            except (OSError, ValueError) as error:
                raise unreachable(error, self._socket) from error
        document = json.loads(body)
        if status != _OK:
            raise Refusal(status, str(document.get("message")))
        return document


class Refusal(Exception):
    """An engine's answer that is an error: its HTTP status and what it says."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def _client() -> APIClient:
    import docker

    address = os.environ.get("DOCKER_HOST") or _DEFAULT
    try:
        where = _endpoint()
        address = str(where.get("base_url") or address)
        return docker.APIClient(**where, version="auto", timeout=_ANSWER_SECONDS)
    except Exception as error:  # docker-py lets errors of requests, urllib3 and OS through
        raise unreachable(error, address) from error


def _by_client(client: APIClient, path: str, filters: object) -> tuple[int, bytes]:
    from requests.exceptions import RequestException

    query = {"filters": json.dumps(filters)} if filters else {}
    try:
        answer = client.get(f"{client.base_url}{daemon.API}{path}", params=query)
    except (RequestException, OSError) as error:
        raise unreachable(error, str(client.base_url)) from error
    return answer.status_code, answer.content


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
