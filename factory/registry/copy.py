"""Copying images between repositories: nothing that is there is sent, and nothing is kept here.

Within one registry a blob is *mounted*, which moves no byte. Between two it is streamed from one to
the other, a piece at a time, and held against its digest on the way; the receiving registry holds
it against it again. What two images share is sent once, and mounted from the first one's repository
to the second's.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#mounting-a-blob-from-another-repository
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from factory import process
from factory.errors import Interrupted, RegistryError
from factory.registry.blobs import upload_failed
from factory.registry.client import Registry
from factory.registry.manifest import INDEXES, Manifest, read_json
from factory.registry.reference import locate, place
from factory.registry.transport import Patience
from factory.registry.trying import persistently

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_ONCE = Patience(read=120.0, retries=0, reconnects=0, waits=0)
"""With a transfer: it is tried again as a whole. The registry answers when all of it is stored."""

_PIECE = 1 << 20
_BROKEN = "do not use it: see what stands between here and the registry"


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """What a manifest names."""

    digest: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """What a copier did with blobs so far, by their number; ``sent_bytes`` went over the wire."""

    mounted: int = 0
    sent: int = 0
    there: int = 0
    sent_bytes: int = 0


class Copier:
    """Copies between any repositories. Threads may share it, and should: it knows what it sent.

    Args:
        registry: the client for both sides.
        sleep: how to wait; for tests.
    """

    def __init__(self, registry: Registry, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._registry = registry
        self._once = registry.with_patience(_ONCE)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._turns: dict[tuple[str, str], threading.Lock] = {}
        self._holders: dict[tuple[str, str], list[str]] = {}
        self._counted: Counter[str] = Counter()

    @property
    def moved(self) -> Moved:
        """What was done so far."""
        with self._lock:
            return Moved(**self._counted)

    def image(self, source: str, target: str, manifest: Manifest, tag: str = "") -> None:
        """Have a manifest, and all that it names, in another repository.

        Args:
            source, target: full repository names.
            manifest: as it is in ``source``; of an index, what it lists is copied first.
            tag: what it is called there; without one it is there by its digest alone.

        Raises:
            RegistryError: a registry refused, failed, or sent what it should not.
        """
        for digest in children_of(manifest):
            if self._registry.head(target, digest) is None:
                self.image(source, target, self._registry.require(source, digest))
        for blob in blobs_of(manifest, place(source, manifest.digest)):
            self.blob(source, target, blob)
        self._registry.put(target, tag or manifest.digest, manifest)

    def blob(self, source: str, target: str, blob: Blob) -> None:
        """Have a blob in another repository.

        Raises:
            RegistryError: a registry refused, failed, or sent what it should not.
        """
        key = (locate(target).host, blob.digest)
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:  # so that of two images that share it one sends it
            holders = self._holders.setdefault(key, [])
            if target not in holders:
                how = persistently(
                    lambda: self._move(source, target, blob, holders), sleep=self._sleep
                )
                holders.append(target)
                self._count(how, blob)

    def _count(self, how: str, blob: Blob) -> None:
        with self._lock:
            self._counted[how] += 1
            self._counted["sent_bytes"] += blob.size if how == "sent" else 0

    def _move(self, source: str, target: str, blob: Blob, holders: list[str]) -> str:
        beside = locate(source).host == locate(target).host
        holder = source if beside else next(iter(holders), None)
        if holder is None and self._is_there(target, blob):
            return "there"
        path = "blobs/uploads/"
        if holder:
            path += f"?mount={quote(blob.digest)}&from={quote(locate(holder).name, safe='/')}"
        answer = self._ask("POST", target, path, {"Content-Length": "0"}, blob)
        if answer.status == 201:
            return "mounted"
        if answer.status != 202:
            raise self._failed(answer, "did not begin to take the blob", target, blob)
        self._send(source, target, blob, _next(answer, target, blob))
        return "sent"

    def _is_there(self, target: str, blob: Blob) -> bool:
        answer = self._ask("HEAD", target, f"blobs/{blob.digest}", {}, blob)
        if answer.status not in (200, 404):
            raise self._failed(answer, "did not say whether it has the blob", target, blob)
        return answer.status == 200

    def _send(self, source: str, target: str, blob: Blob, url: str) -> None:
        """In one piece to where the registry says, and then its digest: what all registries take
        that ``docker push`` works with."""
        stream = _Stream(self._once, source, blob)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        where = place(target, blob.digest)
        answer = self._once.request("PATCH", target, url, headers=headers, body=stream, where=where)
        if answer.status not in (202, 204):
            raise self._failed(answer, "did not take the blob", target, blob)
        last = _next(answer, target, blob)
        joint = "&" if "?" in last else "?"
        answer = self._ask(
            "PUT",
            target,
            f"{last}{joint}digest={quote(blob.digest)}",
            {"Content-Length": "0"},
            blob,
        )
        if answer.status != 201:
            raise self._failed(answer, "did not keep the blob", target, blob)

    def _ask(
        self, method: str, target: str, path: str, headers: Mapping[str, str], blob: Blob
    ) -> BaseHTTPResponse:
        where = place(target, blob.digest)
        return self._once.request(method, target, path, headers=headers, where=where)

    def _failed(
        self, answer: BaseHTTPResponse, what: str, repository: str, blob: Blob
    ) -> RegistryError:
        return upload_failed(self._registry, answer, what, repository, blob.digest)


class _Stream:
    """The bytes of a blob, asked for anew whenever they are begun again."""

    def __init__(self, registry: Registry, repository: str, blob: Blob) -> None:
        self._registry, self._repository, self._blob = registry, repository, blob

    def __iter__(self) -> Iterator[bytes]:
        from urllib3.exceptions import HTTPError

        where, digest = place(self._repository, self._blob.digest), hashlib.sha256()
        resource = f"blobs/{self._blob.digest}"
        answer = self._registry.request(
            "GET", self._repository, resource, headers={}, where=where, preload=False
        )
        try:
            if answer.status != 200:
                raise self._registry.refused(
                    answer, "did not send the blob", self._repository, where
                )
            size, held = 0, b""
            for piece in answer.stream(_PIECE):
                if process.is_cancelled():
                    raise Interrupted("interrupted")
                yield held
                held = piece
                size += len(piece)
                digest.update(piece)
        except HTTPError as error:
            raise _broken("the blob broke off", where) from error
        finally:
            answer.close()
        # The last piece is held back until all are known to be good: nobody is sent a whole blob
        # that is not one.
        if size != self._blob.size or f"sha256:{digest.hexdigest()}" != self._blob.digest:
            raise _broken("the registry sent a blob whose bytes are not those of its digest", where)
        yield held


def children_of(manifest: Manifest) -> tuple[str, ...]:
    """The digests of the manifests that an index lists; none of anything else."""
    document = _document(manifest, manifest.digest)
    listed = document.get("manifests", []) if _is_index(manifest, document) else []
    return tuple(str(one["digest"]) for one in listed)


def blobs_of(manifest: Manifest, where: str) -> tuple[Blob, ...]:
    """The configuration and the layers that a manifest names, each once; those that it says are
    had elsewhere (``urls``) are left out, as every client does.

    Raises:
        RegistryError: it is no manifest.
    """
    document = _document(manifest, where)
    if _is_index(manifest, document):
        return ()
    try:
        named = [document["config"], *document["layers"]]
        found = [
            Blob(digest=str(one["digest"]), size=int(one["size"]))
            for one in named
            if not one.get("urls")
        ]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _broken("this is not the manifest of an image", where) from None
    return tuple(dict.fromkeys(found))


def _is_index(manifest: Manifest, document: Mapping[str, Any]) -> bool:
    return manifest.media_type in INDEXES or "manifests" in document


def _document(manifest: Manifest, where: str) -> dict[str, Any]:
    try:
        found = read_json(manifest.content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _broken("this is not a manifest", where)
    return found


def _next(answer: BaseHTTPResponse, target: str, blob: Blob) -> str:
    """Where the upload goes on, by the answer."""
    said = answer.headers.get("Location")
    if not said:
        raise _broken("the registry does not say where the blob goes", place(target, blob.digest))
    return str(said)


def _broken(what: str, where: str) -> RegistryError:
    return RegistryError(what, where=where, todo=_BROKEN)
