"""What a registry lists, page by page.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-discovery
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from factory.errors import RegistryError
from factory.registry.client import Registry
from factory.registry.manifest import document_of

_NEXT = re.compile(r"<([^>]*)>\s*;\s*rel=\"?next\"?", re.IGNORECASE)
_PAGES = 1_000


def pages(
    registry: Registry,
    repository: str,
    resource: str,
    *,
    what: str,
    kind: str = "",
    absent: Collection[int] = (404,),
) -> Iterator[dict[str, Any]]:
    """The documents that a list comes in; none where the registry says that there is no such list.

    Args:
        what: is asked for, in an error.
        kind: the media type of such a list; an answer of another one is none.
        absent: what registries answer that have no such list.

    Raises:
        RegistryError: it cannot be had, or is no list.
    """
    following, where = resource, f"{repository} ({what})"
    for _ in range(_PAGES):
        headers = {"Accept": kind} if kind else {}
        answer = registry.request("GET", repository, following, headers=headers, where=where)
        said = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if answer.status in absent or (answer.status == 200 and kind and said != kind):
            return
        if answer.status != 200:
            raise registry.refused(answer, f"did not list {what}", repository, where)
        yield _document(answer.data, where)
        more = _NEXT.search(answer.headers.get("Link", ""))
        if not more:
            return
        following = more[1]
    raise _wrong(where, f"{_PAGES} pages and no end")


def tags(registry: Registry, repository: str) -> tuple[str, ...]:
    """All tags of a repository; none where there is no such repository.

    Raises:
        RegistryError: they cannot be had.
    """
    found: list[str] = []
    for page in pages(registry, repository, "tags/list?n=1000", what="tags"):
        listed = page.get("tags") or []
        if not isinstance(listed, list) or not all(isinstance(tag, str) for tag in listed):
            raise _wrong(f"{repository} (tags)", "its tags are none")
        found += listed
    return tuple(dict.fromkeys(found))


def _document(content: bytes, where: str) -> dict[str, Any]:
    document = document_of(content)
    if not document:
        raise _wrong(where, "it is no JSON object")
    return document


def _wrong(where: str, why: str) -> RegistryError:
    return RegistryError(
        f"the registry's list is not one: {why}",
        where=where,
        todo="see what stands between here and the registry",
    )
