"""Which proxy leads to an address, by the variables that other programs go by."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from factory.errors import MachineError
from factory.registry.reference import is_loopback

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PORT = re.compile(r":(\d+)$", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        url: without credentials.
        headers: what lets us in there, if something is needed.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def proxy_for(url: str, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy for a URL by ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``, in small letters or
    capitals; ``None`` for a direct way, which to this machine itself is the only one.

    Raises:
        MachineError: the variable does not hold the URL of an HTTP proxy.
    """
    parts = urlsplit(url)
    name = f"{parts.scheme}_proxy"
    value = _variable(environment, name)
    if not value or is_loopback(parts.netloc):
        return None
    its_port = _PORT.search(parts.netloc)
    port = int(its_port[1]) if its_port else _DEFAULT_PORTS[parts.scheme]
    entries = re.split(r"[,\s]+", _variable(environment, "no_proxy"))
    if any(_matches(entry, parts.hostname or "", port) for entry in entries if entry):
        return None
    return _parse(value, name.upper())


def _variable(environment: Mapping[str, str], name: str) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()


def _matches(entry: str, host: str, port: int) -> bool:
    """Whether an entry of ``NO_PROXY`` is about a host: ``*``, a domain and all below it, an
    address or a range of such, and a port if it has one."""
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:  # one of both is a name
        pass
    its_port = _PORT.search(entry)
    if its_port and int(its_port[1]) != port:
        return False
    domain = _PORT.sub("", entry).lower().lstrip("*").lstrip(".")
    return bool(domain) and f".{host}".endswith(f".{domain}")


def _parse(value: str, variable: str) -> Proxy:
    parts = _split(value if "://" in value else f"http://{value}")
    if parts is None:
        raise MachineError(
            f"{variable} does not hold the URL of an HTTP proxy",
            todo="write it as http://host:port, with special characters percent-encoded",
        )
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    headers: tuple[tuple[str, str], ...] = ()
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers = (("Proxy-Authorization", f"Basic {base64.b64encode(pair).decode()}"),)
    return Proxy(url=f"{parts.scheme}://{host}{port}", headers=headers)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        wrong = parts.port == 0 or parts.scheme not in ("http", "https") or not parts.hostname
    except ValueError:
        return None
    # A slash in a password that is not encoded makes a path, and of what is before it a host.
    return None if wrong or parts.path not in ("", "/") or parts.query else parts
