"""Small blobs, brought to a registry whole.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory.errors import RegistryError
from factory.registry.client import Registry
from factory.registry.manifest import digest_of
from factory.registry.reference import place
from factory.registry.trying import Later, persistently, seconds_of

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_BYTES = "application/octet-stream"


def exists(registry: Registry, repository: str, digest: str) -> bool:
    """Whether a repository has a blob.

    Raises:
        RegistryError: it does not say.
    """
    where = place(repository, digest)
    answer = registry.request("HEAD", repository, f"blobs/{digest}", headers={}, where=where)
    if answer.status not in (200, 404):
        raise registry.refused(answer, "did not say whether it has the blob", repository, where)
    return answer.status == 200


def upload(registry: Registry, repository: str, content: bytes) -> str:
    """Have a blob in a repository, and return its digest; nothing is sent that is there. What fails
    for now is begun anew, a few times: it is looked first whether an attempt did arrive, whose
    answer was lost.

    Raises:
        RegistryError: the registry refused, or cannot be reached.
    """
    digest = digest_of(content)
    persistently(lambda: _bring(registry, repository, digest, content))
    return digest


def _bring(registry: Registry, repository: str, digest: str, content: bytes) -> None:
    if exists(registry, repository, digest):
        return
    where = place(repository, digest)
    begun = registry.request("POST", repository, "blobs/uploads/", headers={}, where=where)
    if begun.status != 202 or not begun.headers.get("Location"):
        raise upload_failed(registry, begun, "did not begin an upload", repository, digest)
    address = str(begun.headers["Location"])
    joint = "&" if "?" in address else "?"
    answer = registry.request(
        "PUT",
        repository,
        f"{address}{joint}digest={digest}",
        headers={"Content-Type": _BYTES},
        body=content,
        where=where,
    )
    if answer.status != 201:
        raise upload_failed(registry, answer, "did not take the blob", repository, digest)


def upload_failed(
    registry: Registry, answer: BaseHTTPResponse, what: str, repository: str, digest: str
) -> RegistryError:
    """The error for an upload that was not taken. One that is unknown, or was spoilt on the way, is
    worth beginning anew, as is one that the registry puts off."""
    error = registry.refused(answer, what, repository, place(repository, digest))
    spoilt = answer.status in (400, 404) and b"BLOB_UPLOAD" in answer.data
    spoilt = spoilt or (answer.status == 400 and b"DIGEST_INVALID" in answer.data)
    wait = seconds_of(answer.headers.get("Retry-After"))
    if not spoilt and wait is None:
        return error
    later = Later(
        error.what, status=error.status, where=error.where, todo=error.todo, detail=error.detail
    )
    later.wait = wait
    return later
