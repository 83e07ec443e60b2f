"""Ports by name and by number, and what is bound to where: always to this machine alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from factory.errors import ConfigError

NAMED: Mapping[str, tuple[int, int]] = {
    "dashboard": (8265, 8265),
    "grafana": (3000, 3000),
    "prometheus": (9000, 9090),
    "gcs": (6379, 6379),
}
"""What Ray's notes call them: the port here, and the one in the container, which of Prometheus is
its own default."""

LOOPBACK = "127.0.0.1"
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
_LAST = 65535


def parse(texts: Iterable[str]) -> dict[int, int]:
    """Ports of containers to ports here.

    Args:
        texts: each a name, ``HOST:NAME``, a number for both, or ``HOST:CONTAINER``.

    Raises:
        ConfigError: one is none of these, or two want the same port.
    """
    found: dict[int, int] = {}
    for text in texts:
        host, container = _pair(text)
        if container in found or host in found.values():
            raise ConfigError(
                f"--port {text!r} wants a port that another --port has", todo="keep one of them"
            )
        found[container] = host
    return found


def of_cluster(texts: Iterable[str]) -> dict[str, int]:
    """The ports here of what a local cluster shows, by name; a bare number is the dashboard's.

    Raises:
        ConfigError: one is nothing that a cluster shows, or two want the same.
    """
    shows = ("dashboard", "prometheus", "grafana")
    found = {name: NAMED[name][0] for name in shows}
    for text in texts:
        host, _, name = text.partition(":")
        name = name or "dashboard"
        if not _NUMBER.fullmatch(host) or name not in shows:
            raise ConfigError(
                f"--port {text!r} is no port of a cluster's",
                todo="write --port 8266 for the dashboard, or --port 9001:prometheus",
            )
        found[name] = _number(host, text)
    if len(set(found.values())) < len(found):
        raise ConfigError("two of the ports are the same", todo="give each --port another number")
    return found


def _pair(text: str) -> tuple[int, int]:
    if text in NAMED:
        return NAMED[text]
    host, colon, container = text.partition(":")
    if not colon:
        return _number(host, text), _number(host, text)
    inside = NAMED[container][1] if container in NAMED else _number(container, text)
    return _number(host, text), inside


def _number(part: str, text: str) -> int:
    number = int(part) if _NUMBER.fullmatch(part) else 0
    if not 0 < number <= _LAST:
        raise ConfigError(
            f"--port {text!r} is no port",
            todo=f"use a name ({', '.join(NAMED)}), a number, or HOST:CONTAINER",
        )
    return number
