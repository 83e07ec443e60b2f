"""A small client of the OCI Distribution API: manifests and what configures images.

``docker`` moves the layers.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import TYPE_CHECKING

from factory.errors import RegistryError
from factory.registry.access import Access, FindCredentials
from factory.registry.allowance import Allowance, allowance_of
from factory.registry.credentials import docker_credentials
from factory.registry.manifest import ACCEPTED, Manifest, digest_of
from factory.registry.reference import locate, place
from factory.registry.resource import is_own, resource_url
from factory.registry.transport import HASTY, PATIENT, Patience, Transport, reason_of

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_ACCEPT = ", ".join(ACCEPTED)
_BLOB_BYTES = 8 << 20  # an image's configuration has a few KiB
_SHOWN = 500


class Registry:
    """Any number of registries, by full repository names such as ``127.0.0.1:5000/ray-app``.

    Throttled, failed and broken-off requests are tried again, waiting as long as the registry asks
    (a minute at most); a definite answer is not. Threads may share it.

    Args:
        credentials: who asks, where a registry wants to know: what Docker keeps for it.
        patience: with each request.
        transport: leads to the registries.
        pace: comes back when a repository's registry takes a manifest; at once by default.
    """

    def __init__(
        self,
        credentials: FindCredentials = docker_credentials,
        *,
        patience: Patience = PATIENT,
        transport: Transport | None = None,
        pace: Callable[[str], None] = lambda _repository: None,
    ) -> None:
        self._transport = transport or Transport()
        self._access = Access(self._transport, credentials)
        self._patience = patience
        self._pace = pace
        self._allowances: dict[str, Allowance] = {}

    def allowance(self, repository: str) -> Allowance | None:
        """How many more requests its registry takes, as it said last; ``None`` if it never did."""
        return self._allowances.get(locate(repository).host)

    def hasty(self) -> Registry:
        """The same, with the same logins, that gives up within seconds."""
        return self.with_patience(HASTY)

    def with_patience(self, patience: Patience) -> Registry:
        """The same, with the same logins, and another patience."""
        other = copy(self)
        other._patience = patience
        return other

    def ping(self, repository: str) -> None:
        """See that where a repository would be there is a registry, whatever it lets us do.

        Raises:
            RegistryError: it cannot be reached, or is something else.
        """
        at = locate(repository)
        answer = self._send("GET", repository, f"{at.url}/", {}, where=at.host)
        if answer.status not in (200, 401, 403):
            raise self.refused(answer, "does not speak as one", repository, at.host)

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
        if found and found.media_type not in ACCEPTED:
            raise RegistryError(
                f"the registry answers with {found.media_type or 'something'}, which is no image",
                where=place(repository, reference),
                todo="see what stands between here and the registry",
            )
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

    def put(self, repository: str, reference: str, manifest: Manifest) -> bool:
        """Make a tag name exactly this manifest, or have it by its digest alone; its layers must be
        in the repository.

        Returns:
            Whether the registry lists it by itself among what refers to its subject.

        Raises:
            RegistryError: the registry refused, or cannot be reached.
        """
        headers = {"Content-Type": manifest.media_type}
        self._pace(repository)
        answer = self._request("PUT", repository, reference, headers, manifest.content)
        # Registries that let nobody rewrite a tag refuse to write what it names already, too.
        there = answer.status in (400, 409) and self.head(repository, reference) == manifest.digest
        if answer.status != 201 and not there:
            raise self.refused(
                answer, "did not take the manifest", repository, place(repository, reference)
            )
        return bool(answer.headers.get("OCI-Subject"))

    def untag(self, repository: str, tag: str) -> str:
        """Take a tag away, and nothing else: what it names stays, with its other tags.

        Returns:
            Why the registry does not do that; empty if it did, or there is no such tag. Many take
            manifests away alone, which would take an immutable tag with it.

        Raises:
            RegistryError: the registry cannot be reached.
        """
        answer = self._request("DELETE", repository, tag, {})
        if answer.status in (200, 202, 404):
            return ""
        return f"the registry does not delete tags (HTTP {answer.status})"

    def blob(self, repository: str, digest: str) -> bytes:
        """A small blob, such as an image's configuration, whose bytes are those of its digest.

        Raises:
            RegistryError: it cannot be had, has more than 8 MiB, or has another digest.
        """
        answer = self._request("GET", repository, digest, {}, kind="blobs")
        if answer.status != 200:
            raise self.refused(
                answer, "did not send the blob", repository, place(repository, digest)
            )
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
            raise _unreachable(error, repository, place(repository, digest)) from error
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
        left = allowance_of(answer.headers)
        if left:
            self._allowances[locate(repository).host] = left
        if answer.status == 404:
            return None
        if answer.status != 200:
            where = place(repository, reference)
            raise self.refused(answer, "did not say what this is", repository, where)
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
        return self.request(
            method,
            repository,
            f"{kind}/{reference}",
            headers=headers,
            body=body,
            where=place(repository, reference),
            preload=kind == "manifests",
        )

    def request(
        self,
        method: str,
        repository: str,
        resource: str,
        *,
        headers: Mapping[str, str],
        where: str,
        body: bytes | Iterable[bytes] | None = None,
        preload: bool = True,
    ) -> BaseHTTPResponse:
        """Ask a registry, let in by what it wants to know.

        Args:
            resource: what follows the repository's name, or the whole address that the registry
                gave for it. Another host than the registry's own is not told who asks.
            where: for messages.
            body: where it is an iterable, one that can be begun again.
            preload: whether the answer is read to its end.

        Raises:
            RegistryError: it cannot be reached, or nobody says who may ask.
        """
        at, writes = locate(repository), method not in ("GET", "HEAD")
        try:
            url = resource_url(at, resource)
        except ValueError as error:
            raise RegistryError(
                f"the registry names a place to go on at that is none: {error}",
                where=where,
                todo="see what stands between here and the registry",
            ) from error

        def send(permit: str | None) -> BaseHTTPResponse:
            sent = {**headers, **({"Authorization": permit} if permit else {})}
            return self._send(method, repository, url, sent, body, where=where, preload=preload)

        if not is_own(url, at):
            return send(None)
        permit = self._access.known(at, writes=writes)
        answer = send(permit)
        if answer.status != 401:
            return answer
        better = self._access.obtain(
            at,
            answer.headers.get("WWW-Authenticate", ""),
            writes=writes,
            refused=permit,
            patience=self._patience,
            where=where,
        )
        if better is None:
            return answer
        answer.drain_conn()
        return send(better)

    def _send(
        self,
        method: str,
        repository: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None = None,
        *,
        where: str,
        preload: bool = True,
    ) -> BaseHTTPResponse:
        from urllib3.exceptions import HTTPError

        try:
            return self._transport.request(
                method, url, headers=headers, body=body, patience=self._patience, preload=preload
            )
        except HTTPError as error:
            raise _unreachable(error, repository, where) from error

    def refused(
        self, answer: BaseHTTPResponse, what: str, repository: str, where: str
    ) -> RegistryError:
        """The error for an answer that is none of those which were hoped for."""
        todo = {
            401: f"log in with `{locate(repository).login}`, and see that the name is right",
            403: "see that you may use this repository",
            404: "see that its name is right",
            429: "wait for its limit to pass, then run again",
        }.get(answer.status, "see the registry's own log, then run again")
        said = self._access.hide(answer.data.decode("utf-8", "replace"))[:_SHOWN].splitlines()
        wait = answer.headers.get("Retry-After")
        return RegistryError(
            f"the registry {what} (HTTP {answer.status})",
            status=answer.status,
            where=where,
            todo=todo,
            detail=[*said, *([f"Retry-After: {wait}"] if wait else [])],
        )


def _unreachable(error: Exception, repository: str, where: str) -> RegistryError:
    return RegistryError(
        f"the registry {locate(repository).host} cannot be reached: {reason_of(error)}",
        where=where,
        todo="see that it runs and that this machine can reach it",
    )
