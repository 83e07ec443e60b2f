"""HTTP to registries: pooled connections, retries, the environment's proxies, the host's CAs."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from factory.registry.proxies import Proxy, proxy_for

if TYPE_CHECKING:
    import ssl

    from urllib3 import BaseHTTPResponse, PoolManager, Retry

_RETRY_AFTER_SECONDS = 60
_CONNECTION = re.compile(r"^HTTPS?Connection(Pool)?\([^)]*\): ")  # urllib3 says the address again
_CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/cert.pem",  # macOS
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long and how often a request is tried.

    Attributes:
        connect: seconds until there is a connection.
        read: seconds until there is an answer.
        retries: how often it is tried again; ``reconnects`` of them for want of a connection, and
            ``waits`` after an answer of "not now".
        backoff: seconds before the second retry, doubled with each further one.
    """

    connect: float = 5.0
    read: float = 30.0
    retries: int = 5
    reconnects: int = 2
    waits: int = 5
    backoff: float = 0.3

    @property
    def retry(self) -> Retry:
        """The same in urllib3's terms."""
        from urllib3 import Retry

        return Retry(
            total=self.retries,
            connect=self.reconnects,
            status=self.waits,
            backoff_factor=self.backoff / 2,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods=("HEAD", "GET", "PUT"),
            raise_on_status=False,
            retry_after_max=_RETRY_AFTER_SECONDS,
        )


PATIENT = Patience()
HASTY = Patience(connect=3.0, read=5.0, retries=2, reconnects=0, waits=0)
"""What work waits for, and what asking whether somebody is there at all does."""


class Transport:
    """Connections to any number of hosts. Threads may share it.

    Args:
        environment: where proxies are found; the process's own by default.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._pools: dict[tuple[Proxy | None, bool], PoolManager] = {}
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        patience: Patience,
        body: bytes | Iterable[bytes] | None = None,
        preload: bool = True,
    ) -> BaseHTTPResponse:
        """Send a request. A redirect to another host is followed without credentials.

        Raises:
            urllib3.exceptions.HTTPError: there is no answer.
            MachineError: the environment names a proxy that is none.
        """
        from urllib3 import Timeout

        return self._pool(url).request(
            method,
            url,
            headers=headers,
            body=body,
            preload_content=preload,
            redirect=method != "POST",  # its body has a secret
            timeout=Timeout(connect=patience.connect, read=patience.read),
            retries=patience.retry,
        )

    def _pool(self, url: str) -> PoolManager:
        found = proxy_for(url, self._environment), url.startswith("https:")
        with self._lock:
            if found not in self._pools:
                self._pools[found] = _make_pool(*found)
            return self._pools[found]


def reason_of(error: Exception) -> str:
    """Why there was no answer, in one line."""
    from urllib3.exceptions import ProxyError, SSLError

    cause = getattr(error, "reason", None) or error
    if isinstance(cause, ProxyError):
        return f"the proxy does not let us through ({_plain(cause.original_error)})"
    if isinstance(cause, SSLError):
        return (
            f"{_plain(cause)}; if its certificate is your own, name the CA's file in SSL_CERT_FILE"
        )
    return _plain(cause)


def _plain(error: Exception) -> str:
    return _CONNECTION.sub("", str(error))


def _make_pool(proxy: Proxy | None, secure: bool) -> PoolManager:
    from urllib3 import PoolManager, ProxyManager

    trust = _trust() if secure else None  # reading all CAs takes a while
    if proxy is None:
        return PoolManager(maxsize=16, ssl_context=trust)
    return ProxyManager(
        proxy.url,
        proxy_headers=dict(proxy.headers),
        proxy_ssl_context=_trust() if proxy.url.startswith("https:") else None,
        maxsize=16,
        ssl_context=trust,
    )


def _trust() -> ssl.SSLContext:
    """Who is trusted: ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``, else the system's bundle, which a
    Python that was not built on this system may look for in the wrong place."""
    import ssl

    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        return ssl.create_default_context()
    there = [bundle for bundle in _CA_BUNDLES if Path(bundle).exists()]
    return ssl.create_default_context(cafile=there[0] if there else None)
