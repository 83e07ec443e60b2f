"""What is in an image, read from an OCI layout in a tar file."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """An image.

    Attributes:
        digest: of its config, with the times at which BuildKit first made its parts.
        content: of its config and of all its files, without any times.
    """

    digest: str
    content: str


def read(archive: Path) -> Result:
    """The image in a file."""
    with tarfile.open(archive) as tar:
        index = json.loads(_file(tar, "index.json"))
        manifest = json.loads(_blob(tar, index["manifests"][0]["digest"]))
        config = manifest["config"]["digest"]
        files: dict[str, str] = {}
        for layer in manifest["layers"]:
            files |= dict(_layer(_blob(tar, layer["digest"])))
        document = _timeless(json.loads(_blob(tar, config)))
    content = json.dumps([document, sorted(files.items())], sort_keys=True)
    return Result(digest=config, content=hashlib.sha256(content.encode()).hexdigest())


def _file(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file, f"an OCI layout has {name}"
    return file.read()


def _blob(tar: tarfile.TarFile, digest: str) -> bytes:
    return _file(tar, f"blobs/{digest.replace(':', '/')}")


def _layer(data: bytes) -> Iterator[tuple[str, str]]:
    """Each path in a layer with all that there is to it but times."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            content = hashlib.sha256(_file(tar, member.name)).hexdigest() if member.isreg() else ""
            facts = (member.type.decode(), oct(member.mode), member.uid, member.gid)
            yield member.name, f"{facts} {member.linkname} {content}"


def _timeless(config: dict[str, Any]) -> dict[str, Any]:
    """A config without times, and without the digests of layers, which have times in them."""
    kept = {name: value for name, value in config.items() if name not in ("created", "rootfs")}
    history = [{**step, "created": ""} for step in config.get("history", [])]
    return {**kept, "history": history}
