"""How registries and what they hold are named, and where a name leads. Pure.

https://github.com/distribution/reference
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

HUB, HUB_HOST = "docker.io", "registry-1.docker.io"
"""Docker Hub, as it is called and where it answers."""

_HUB_NAMES = frozenset({HUB, "index.docker.io", HUB_HOST})
_HUB_KEY = "https://index.docker.io/v1/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """Where a full repository name leads.

    Attributes:
        host: ``host[:port]`` that speaks the API.
        name: the repository within it.
        key: by what Docker keeps the credentials for it.
    """

    host: str
    name: str
    key: str

    @property
    def url(self) -> str:
        """Of the API's root, without a slash at its end."""
        return f"{base_url(self.host)}/v2"

    @property
    def login(self) -> str:
        """The command by which a user gives Docker credentials for it."""
        return "docker login" if self.host == HUB_HOST else f"docker login {self.host}"


def locate(repository: str) -> Location:
    """Where a repository is, by Docker's rule: a name whose first part has no dot or colon, and is
    not ``localhost``, is Docker Hub's, and there a name of one part is in ``library``."""
    host, slash, name = repository.partition("/")
    if not slash or not (set(".:") & set(host) or host == "localhost"):
        host, name = HUB, repository
    if host not in _HUB_NAMES:
        return Location(host=host, name=name, key=host)
    full = name if "/" in name else f"library/{name}"
    return Location(host=HUB_HOST, name=full, key=_HUB_KEY)


def base_url(host: str) -> str:
    """Plain HTTP for this machine itself, as Docker does; HTTPS for all others."""
    return f"{'http' if is_loopback(host) else 'https'}://{host}"


def is_loopback(host: str) -> bool:
    """Whether a ``host`` or ``host:port`` is this machine by its loopback interface."""
    name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"


def split_tag(image: str) -> tuple[str, str]:
    """A reference's repository and tag."""
    repository, colon, tag = image.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (image, "latest")


def place(repository: str, reference: str) -> str:
    """How an error names what it is about."""
    return f"{repository}{'@' if reference.startswith('sha256:') else ':'}{reference}"
