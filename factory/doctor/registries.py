"""Whether registries answer; a refusal to somebody who is not logged in is an answer too."""

from __future__ import annotations

from factory.model import Finding, Health, Target
from factory.registry import locate

_SECONDS = 5.0


def local(target: Target, *, has_server: bool) -> Finding:
    """The registry that the factory starts by itself when it first publishes."""
    name = "local registry"
    why = unreachable(target.registry)
    if not why:
        return Finding(name=name, state=Health.OK, what=f"answers at {target.registry}")
    if has_server:
        what = f"not running at {target.registry}; publishing starts it"
        return Finding(name=name, state=Health.OK, what=what)
    return Finding(
        name=name,
        state=Health.WARN,
        what=f"{target.registry}: {why}, and no `docker-registry` to start",
        remedy="`apt-get install docker-registry`, or name a running one in FACTORY_REGISTRY",
    )


def remote(target: Target) -> Finding:
    """A registry of somebody else's."""
    name = f"registry {target.name}"
    why = unreachable(target.registry)
    if not why:
        return Finding(name=name, state=Health.OK, what=f"{target.registry} answers")
    return Finding(
        name=name,
        state=Health.WARN,
        what=f"{target.registry}: {why}",
        remedy="check its name, the network and the proxy; publishing there will fail",
    )


def unreachable(registry: str) -> str:
    """Why the host of ``host[:port][/prefix]`` does not speak as a registry; empty if it does."""
    from urllib3 import PoolManager
    from urllib3.exceptions import HTTPError
    from urllib3.util import Retry

    host = locate(f"{registry}/any").host
    scheme = "http" if _loopback(host) else "https"
    try:
        with PoolManager() as pool:
            answer = pool.request(
                "GET", f"{scheme}://{host}/v2/", timeout=_SECONDS, retries=Retry(0, redirect=2)
            )
    except (HTTPError, OSError, ValueError) as error:
        return _words(error)
    return "" if answer.status in {200, 401, 403} else f"it answers {answer.status} to /v2/"


def _loopback(host: str) -> bool:
    return host.rpartition(":")[0] in {"127.0.0.1", "localhost", "[::1]"} or host == "localhost"


def _words(error: Exception) -> str:
    cause = getattr(error, "reason", None) or error
    known = {
        "NameResolutionError": "its name cannot be resolved",
        "NewConnectionError": "nothing listens there",
        "ConnectTimeoutError": "it does not answer",
        "ReadTimeoutError": "it does not answer",
        "SSLError": "its certificate is not trusted here",
    }
    return known.get(type(cause).__name__, type(cause).__name__)
