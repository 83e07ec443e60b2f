"""Removing manifests, where a registry does that.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-management
"""

from __future__ import annotations

import re
from contextlib import suppress

from factory.errors import RegistryError
from factory.registry.client import Registry
from factory.registry.manifest import Manifest
from factory.registry.reference import HUB_HOST, locate, place

_ECR = re.compile(r"\.dkr[.-]ecr\.")


def require_removal(repository: str) -> None:
    """See that a registry is none of those that are known to remove nothing by this API.

    Raises:
        RegistryError: it is.
    """
    host = locate(repository).host
    if host == HUB_HOST:
        raise _elsewhere(repository, "Docker Hub", "remove tags there on its own pages")
    if _ECR.search(host):
        raise _elsewhere(repository, "ECR", "give the repository a lifecycle policy")


def remove(registry: Registry, repository: str, digest: str) -> bool:
    """Remove a manifest, and every tag that names it; whether it was there.

    Raises:
        RegistryError: the registry removes nothing, refused, or failed.
    """
    where = place(repository, digest)
    resource = f"manifests/{digest}"
    answer = registry.request("DELETE", repository, resource, headers={}, where=where)
    if answer.status == 405:
        raise RegistryError(
            "this registry removes nothing",
            status=405,
            where=where,
            todo="allow it: of a Distribution with `storage: {delete: {enabled: true}}` in its "
            "configuration",
        )
    if answer.status == 404:
        return False
    if answer.status not in (200, 202):
        raise registry.refused(answer, "did not remove the manifest", repository, where)
    return True


def reclaim(registry: Registry, repository: str, tag: str, before: str, now: Manifest) -> None:
    """Remove the manifest that a tag named until now, as far as the registry lets us: by nothing is
    it found any more, and its layers are kept for its sake.

    Removing it takes every tag that names it by then. Should somebody have put it back under this
    one at the same moment, the tag gets what it named last.

    Args:
        before: the digest of what it named.
        now: what it was made to name.

    Raises:
        RegistryError: the tag is gone, and could not be written again.
    """
    hasty = registry.hasty()
    if before == now.digest or registry.head(repository, tag) != now.digest:
        return  # others were here, who know better what is needed
    with suppress(RegistryError):  # then it stays, which harms nobody
        require_removal(repository)
        remove(hasty, repository, before)
    if registry.head(repository, tag) is None:
        registry.put(repository, tag, now)


def _elsewhere(repository: str, name: str, todo: str) -> RegistryError:
    return RegistryError(
        f"{name} removes nothing by the API of registries", where=repository, todo=todo
    )
