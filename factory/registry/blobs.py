"""Small blobs, brought to a registry whole.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
"""

from __future__ import annotations

from factory.registry.client import Registry
from factory.registry.manifest import digest_of
from factory.registry.reference import place

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
    """Have a blob in a repository, and return its digest; nothing is sent that is there.

    Raises:
        RegistryError: the registry refused, or cannot be reached.
    """
    digest = digest_of(content)
    if exists(registry, repository, digest):
        return digest
    where = place(repository, digest)
    begun = registry.request("POST", repository, "blobs/uploads/", headers={}, where=where)
    if begun.status != 202 or not begun.headers.get("Location"):
        raise registry.refused(begun, "did not begin an upload", repository, where)
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
        raise registry.refused(answer, "did not take the blob", repository, where)
    return digest
