"""Asking an engine on a Unix socket without a client library, whose import takes longer than the
question. Only what is asked in runs that find nothing to do goes this way.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

API = "/v1.44"
"""The API of the oldest engine that will do (25.0), which newer ones speak too."""

_DEFAULT = "unix:///var/run/docker.sock"
_UNIX = "unix://"
_BLOCK = 1 << 16


def local_address(env: Mapping[str, str] = os.environ) -> str | None:
    """The ``unix://`` address of the engine that the ``docker`` program would use, or ``None`` if
    it is elsewhere: by ``DOCKER_HOST``, else by the current Docker context."""
    if not hasattr(socket, "AF_UNIX"):  # Windows: Docker Desktop has a named pipe there
        return None
    address = env.get("DOCKER_HOST") or _of_context(env)
    return address if address.startswith(_UNIX) else None


def _of_context(env: Mapping[str, str]) -> str:
    """The address of the current context, by Docker's own files; empty where they do not tell."""
    folder = Path(env.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        name = env.get("DOCKER_CONTEXT") or _document(folder / "config.json").get("currentContext")
        if name in (None, "", "default"):
            return _DEFAULT
        digest = sha256(str(name).encode()).hexdigest()
        context = _document(folder / "contexts" / "meta" / digest / "meta.json")
        return str(context["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ""


def _document(file: Path) -> Any:
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def ask(address: str, path: str, filters: object = None, *, seconds: float) -> tuple[int, bytes]:
    """GET a path of the engine's API.

    Args:
        address: as of ``local_address``.
        path: below ``API``; it may have a query.
        filters: what the engine takes as JSON in its parameter of this name.
        seconds: how long it may be silent.

    Returns:
        The status and the body.

    Raises:
        OSError: nobody listens there, or it went away.
        ValueError: what it said is not HTTP.
    """
    query = f"{'&' if '?' in path else '?'}filters={quote(json.dumps(filters))}" if filters else ""
    # HTTP/1.0: the answer is not chunked, and its end is that of the connection.
    request = f"GET {API}{path}{query} HTTP/1.0\r\nHost: docker\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as engine:
        engine.settimeout(seconds)
        engine.connect(address.removeprefix(_UNIX))
        engine.sendall(request.encode("ascii"))
        answer = b"".join(iter(lambda: engine.recv(_BLOCK), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    version, status, *_ = head.split(None, 2)
    if not version.startswith(b"HTTP/"):
        raise ValueError("it does not speak HTTP")
    return int(status), body
