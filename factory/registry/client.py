"""A small client of the OCI Distribution API: manifests and what configures images.

``docker`` moves the layers.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from factory.errors import RegistryError
from factory.registry.manifest import ACCEPTED, Manifest, digest_of
from factory.registry.reference import locate, place

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_ACCEPT = ", ".join(ACCEPTED)
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 30.0
_RETRY_AFTER_SECONDS = 60
_BLOB_BYTES = 8 << 20  # an image's configuration has a few KiB

Authorize = Callable[[str], Mapping[str, str]]
"""The seam for credentials: from a full repository name to the headers that let a request in."""


def _anonymous(_repository: str) -> Mapping[str, str]:
    return {}


class Registry:
    """Any number of registries, by full repository names such as ``127.0.0.1:5000/ray-app``.

    Throttled, failed and broken-off requests are tried again, waiting as long as the registry asks
    (a minute at most); a definite answer is not. Threads may share it.

    Args:
        authorize: where credentials come from.
        backoff: seconds before the second retry, doubled with each further one.
    """

    def __init__(self, authorize: Authorize = _anonymous, *, backoff: float = 0.3) -> None:
        from urllib3 import PoolManager, Retry, Timeout

        self._authorize = authorize
        self._pool = PoolManager(
            maxsize=16,
            timeout=Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
            retries=Retry(
                total=5,
                connect=2,
                backoff_factor=backoff / 2,
                status_forcelist=(429, 500, 502, 503, 504),
                allowed_methods=("HEAD", "GET", "PUT"),
                raise_on_status=False,
                retry_after_max=_RETRY_AFTER_SECONDS,
            ),
        )

    def head(self, repository: str, reference: str) -> str | None:
        """The digest of what a tag names, or ``None`` where the registry says there is none.

        Raises:
            RegistryError: the registry cannot be reached, or does not say.
        """
        answer = self._manifest("HEAD", repository, reference)
        if answer is None:
            return None
        digest = answer.headers.get("Docker-Content-Digest")
        if digest:
            return digest
        found = self.get(repository, reference)  # the header is optional in the specification
        return found.digest if found else None

    def get(self, repository: str, reference: str) -> Manifest | None:
        """What a tag or digest names, or ``None`` where the registry says there is none.

        Raises:
            RegistryError: it cannot be had, or its bytes are not those of its digest.
        """
        answer = self._manifest("GET", repository, reference)
        if answer is None:
            return None
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        found = Manifest(content=answer.data, media_type=media_type)
        stated = answer.headers.get("Docker-Content-Digest", found.digest)
        wanted = reference if reference.startswith("sha256:") else stated
        if not found.digest == stated == wanted:
            raise RegistryError(
                f"the registry sent a manifest with digest {found.digest} as {wanted}",
                where=place(repository, reference),
                todo="do not use it: see what stands between here and the registry",
            )
        return found

    def require(self, repository: str, reference: str) -> Manifest:
        """What a tag or digest names, where it was there a moment ago.

        Raises:
            RegistryError: it cannot be had, or is gone.
        """
        found = self.get(repository, reference)
        if found is None:
            raise RegistryError(
                "the manifest was there and is gone",
                where=place(repository, reference),
                todo="see who removes things from this registry, then run again",
            )
        return found

    def put(self, repository: str, tag: str, manifest: Manifest) -> None:
        """Make a tag name exactly this manifest; its layers must be in the repository.

        Raises:
            RegistryError: the registry refused, or cannot be reached.
        """
        headers = {"Content-Type": manifest.media_type}
        answer = self._request("PUT", repository, tag, headers, manifest.content)
        if answer.status != 201:
            raise _refused(answer, "did not take the manifest", repository, tag)

    def blob(self, repository: str, digest: str) -> bytes:
        """A small blob, such as an image's configuration, whose bytes are those of its digest.

        Raises:
            RegistryError: it cannot be had, has more than 8 MiB, or has another digest.
        """
        answer = self._request("GET", repository, digest, {}, kind="blobs")
        if answer.status != 200:
            raise _refused(answer, "did not send the blob", repository, digest)
        content = self._limited(answer, repository, digest)
        if digest_of(content) != digest:
            raise RegistryError(
                "the registry sent a blob whose bytes are not those of its digest",
                where=place(repository, digest),
                todo="do not use it: see what stands between here and the registry",
            )
        return content

    def _limited(self, answer: BaseHTTPResponse, repository: str, digest: str) -> bytes:
        from urllib3.exceptions import HTTPError

        try:
            content = answer.read(_BLOB_BYTES + 1)
        except HTTPError as error:
            raise _unreachable(error, repository, digest) from error
        finally:
            answer.close()
        if len(content) > _BLOB_BYTES:
            raise RegistryError(
                f"the blob has more than {_BLOB_BYTES >> 20} MiB, so it configures no image",
                where=place(repository, digest),
                todo="see what was pushed there: it is left as it is",
            )
        return content

    def _manifest(self, method: str, repository: str, reference: str) -> BaseHTTPResponse | None:
        answer = self._request(method, repository, reference, {"Accept": _ACCEPT})
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _refused(answer, "did not say what this is", repository, reference)
        return answer

    def _request(
        self,
        method: str,
        repository: str,
        reference: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        kind: str = "manifests",
    ) -> BaseHTTPResponse:
        from urllib3.exceptions import HTTPError

        at = locate(repository)
        url = f"{at.url}/{at.name}/{kind}/{reference}"
        sent = {**headers, **self._authorize(repository)}
        try:
            return self._pool.request(
                method, url, headers=sent, body=body, preload_content=kind == "manifests"
            )
        except HTTPError as error:
            raise _unreachable(error, repository, reference) from error


def _unreachable(error: Exception, repository: str, reference: str) -> RegistryError:
    reason = getattr(error, "reason", None) or error
    return RegistryError(
        f"the registry {locate(repository).host} cannot be reached: {reason}",
        where=place(repository, reference),
        todo="see that it runs and that this machine can reach it",
    )


def _refused(answer: BaseHTTPResponse, what: str, repository: str, reference: str) -> RegistryError:
    todo = {
        401: "log in to it with `docker login`",
        403: "see that you may use this repository",
        429: "wait for its limit to pass, then run again",
    }.get(answer.status, "see the registry's own log, then run again")
    detail = answer.data.decode("utf-8", "replace")[:500].splitlines()
    return RegistryError(
        f"the registry {what} (HTTP {answer.status})",
        status=answer.status,
        where=place(repository, reference),
        todo=todo,
        detail=detail,
    )
