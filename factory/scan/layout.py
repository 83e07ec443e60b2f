"""An engine's archive of images made into an OCI layout, of which Trivy reads one after the other.

The archive is what binds a verdict: an image's configuration is a blob whose digest is the config
digest under every image store, whereas the engine's own id is a manifest's digest under some. The
layout's manifests are written here, from what the archive says of each image in ``manifest.json``,
which the engines of all releases write; so their digests mean nothing elsewhere.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.archive import UNREADABLE
from factory.errors import ScanError

_LARGEST_DOCUMENT = 16 * 2**20
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIGURATION = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_JUDGED = (
    *("config", "rootfs", "diff_ids", "history", "created_by", "empty_layer"),
    *("env", "exposedports", "workingdir", "healthcheck", "user", "entrypoint", "cmd"),
)
"""What of a configuration is looked at by its name; labels may be called what they like."""

_COMPRESSIONS = {b"\x1f\x8b": "+gzip", b"\x28\xb5\x2f\xfd": "+zstd"}
"""First bytes to what the media type says of them (RFC 1952, RFC 8878)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image of a layout: the digest of its manifest there, its configuration, and its layers'
    digests."""

    manifest: str
    configuration: Mapping[str, Any]
    layers: tuple[str, ...]


def unpack(archive: Path, folder: Path) -> dict[str, Image]:
    """Make a layout in an empty folder; returns its images by their config digests.

    Raises:
        ScanError: the archive cannot be read, or the disk is full.
    """
    (folder / "blobs" / "sha256").mkdir(parents=True)
    try:
        with tarfile.open(archive, mode="r:") as tar:
            layout = _Layout(tar, folder)
            found = [layout.image(entry) for entry in json.loads(layout.document("manifest.json"))]
    except (*UNREADABLE, LookupError, TypeError, AttributeError) as error:
        raise ScanError(
            f"what the engine gave of its images cannot be read: {error}",
            todo=f"see that the disk of {folder.parent} has room, then run again",
        ) from error
    _index(folder, [descriptor for descriptor, _, _ in found])
    return {digest: image for _, digest, image in found}


def existing(folder: Path, manifests: Sequence[str]) -> dict[str, Image]:
    """The images of a layout whose blobs are there, or the blobs that matter; returns them by
    their config digests.

    Args:
        manifests: their digests.

    Raises:
        ValueError: one is no image's, or not what its digest says.
        LookupError, OSError: likewise.
    """
    found = {}
    for digest in manifests:
        manifest = json.loads(_blob(folder, digest))
        config = str(manifest["config"]["digest"])
        configuration = dict(json.loads(_blob(folder, config), object_pairs_hook=_plain))
        layers = tuple(str(layer["digest"]) for layer in manifest["layers"])
        found[config] = Image(manifest=digest, configuration=configuration, layers=layers)
    _index(folder, [{"digest": it, "size": len(_blob(folder, it))} for it in manifests])
    return found


def _blob(folder: Path, digest: str) -> bytes:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"{digest} is no digest")
    file = folder / "blobs" / "sha256" / digest.partition(":")[2]
    if file.stat().st_size > _LARGEST_DOCUMENT:
        raise ValueError(f"{digest} is not a document of a sane size")
    content = file.read_bytes()
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        raise ValueError(f"{digest} is something else")
    return content


def _index(folder: Path, descriptors: Sequence[Mapping[str, Any]]) -> None:
    index = [{"mediaType": _MANIFEST, **descriptor} for descriptor in descriptors]
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": index}))
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))


class _Layout:
    """A layout that is filled from an archive; what several images share is copied once."""

    def __init__(self, tar: tarfile.TarFile, folder: Path) -> None:
        self._tar = tar
        self._blobs = folder / "blobs" / "sha256"
        self._layers: dict[str, dict[str, Any]] = {}

    def document(self, name: str) -> bytes:
        member = self._tar.getmember(name)
        content = self._tar.extractfile(member)
        if content is None or member.size > _LARGEST_DOCUMENT:
            raise ValueError(f"{name} is not a document of a sane size")
        return content.read()

    def image(self, entry: Mapping[str, Any]) -> tuple[dict[str, Any], str, Image]:
        """One image, with the descriptor of its manifest and its config digest."""
        raw = self.document(str(entry["Config"]))
        configuration = dict(json.loads(raw, object_pairs_hook=_plain))
        diff_ids = configuration["rootfs"]["diff_ids"] or []
        names = entry["Layers"] or []
        layers = [self._layer(*pair) for pair in zip(names, diff_ids, strict=True)]
        config = self._write(raw)
        manifest = self._write(json.dumps(_manifest(config, layers)).encode())
        image = Image(
            manifest=manifest["digest"],
            configuration=configuration,
            layers=tuple(layer["digest"] for layer in layers),
        )
        return manifest, config["digest"], image

    def _write(self, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (self._blobs / digest).write_bytes(content)
        return {"digest": f"sha256:{digest}", "size": len(content)}

    def _layer(self, name: str, diff_id: str) -> dict[str, Any]:
        """The descriptor of a layer. Older engines name it by the id of an image and do not
        compress it, so that its digest is its diff id."""
        if name not in self._layers:
            blob = _BLOB.fullmatch(name)
            digest = f"sha256:{blob.group(1)}" if blob else diff_id
            if not _DIGEST.fullmatch(digest):
                raise ValueError("a layer has no digest")
            file = self._blobs / digest.partition(":")[2]
            self._copy(name, file)
            self._layers[name] = {
                "mediaType": _LAYER + _compression(file),
                "digest": digest,
                "size": file.stat().st_size,
            }
        return self._layers[name]

    def _copy(self, name: str, file: Path) -> None:
        content = self._tar.extractfile(self._tar.getmember(name))  # follows links in the archive
        if content is None:
            raise ValueError(f"{name} is no file")
        with content, file.open("wb") as target:
            shutil.copyfileobj(content, target, 2**20)


def _plain(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object that says the same to all: engines do not mind the case of names, and take the last
    of several, so that of two users they would start the one, and we judge the other."""
    names = Counter(name.casefold() for name, _ in pairs)
    twice = [name for name in _JUDGED if names[name] > 1]
    if twice:
        raise ValueError(f"a configuration names {twice[0]!r} twice")
    return dict(pairs)


def _manifest(config: Mapping[str, Any], layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIGURATION, **config},
        "layers": list(layers),
    }


def _compression(file: Path) -> str:
    with file.open("rb") as opened:
        start = opened.read(4)
    return next((name for mark, name in _COMPRESSIONS.items() if start.startswith(mark)), "")
