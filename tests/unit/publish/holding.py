"""A registry in memory, which holds manifests and tags, and removes what it is asked to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.unit.registry.server import OCI, Answer, Asked, serving

NONE: Answer = (404, {}, b"")


@dataclass
class Held:
    """What it holds, by repository without the host.

    Attributes:
        host: where it answers.
        tags: to digests.
        manifests: by digest.
    """

    host: str = ""
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)

    def version(self, name: str) -> str:
        """The digest of a manifest that is of this version alone."""
        content = json.dumps({"schemaVersion": 2, "annotations": {"version": name}}).encode()
        return self._keep(content)

    def named(self, repository: str) -> dict[str, str]:
        """What tags of a repository name, in full."""
        return dict(self.tags.get(repository.partition("/")[2], {}))

    def put(self, repository: str, tag: str, digest: str) -> None:
        self.tags.setdefault(repository.partition("/")[2], {})[tag] = digest

    def _keep(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.manifests[digest] = content
        return digest

    def answer(self, asked: Asked) -> Answer:
        path = asked.path.partition("?")[0].removeprefix("/v2/")
        if path.endswith("/tags/list"):
            names = sorted(self.tags.get(path.removesuffix("/tags/list"), {}))
            return 200, {}, json.dumps({"tags": names}).encode()
        repository, kind, reference = path.partition("/manifests/")
        if not kind:
            return NONE
        tags = self.tags.setdefault(repository, {})
        digest = tags.get(reference, reference)
        if asked.method == "PUT":
            tags[reference] = digest = self._keep(asked.body)
            return 201, {"Docker-Content-Digest": digest}, b""
        if digest not in self.manifests:
            return NONE
        if asked.method == "DELETE":
            return self._delete(tags, reference)
        headers = {"Content-Type": OCI, "Docker-Content-Digest": digest}
        return 200, headers, self.manifests[digest]

    def _delete(self, tags: dict[str, str], reference: str) -> Answer:
        """By digest alone, with every tag that names it, as a Distribution does."""
        if reference in tags:
            return 405, {}, b""
        for tag in [tag for tag, digest in tags.items() if digest == reference]:
            del tags[tag]
        del self.manifests[reference]
        return 202, {}, b""


@contextmanager
def holding() -> Iterator[Held]:
    """One that holds nothing yet."""
    held = Held()
    with serving(held.answer) as served:
        held.host = served.host
        yield held
