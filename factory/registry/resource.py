"""Where in a registry something is, and where it says to go on."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from factory.registry.reference import Location


def resource_url(at: Location, resource: str) -> str:
    """The address of what is in a repository: of ``blobs/sha256:…``, or of what the registry gave
    as the place to go on at, which may be relative or whole. One behind a proxy may not know that
    it is spoken to by HTTPS, which is kept to.

    Raises:
        ValueError: what the registry gave is no such place.
    """
    url = urljoin(f"{at.url}/{at.name}/", resource)
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("it is no address of HTTP")
    plain, secure = f"http://{at.host}/", f"https://{at.host}/"
    loses = at.url.startswith("https:") and url.startswith(plain)
    return url.replace(plain, secure, 1) if loses else url


def is_own(url: str, at: Location) -> bool:
    """Whether an address is the registry's own."""
    there, own = urlsplit(url), urlsplit(at.url)
    return (there.scheme, there.netloc) == (own.scheme, own.netloc)
