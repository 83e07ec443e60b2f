"""Small real images, many at once: made here byte by byte and loaded into the engine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from factory import process
from factory.engine import Engine
from factory.errors import FactoryError
from factory.model import KEY_LABEL, Built, Check, CheckStatus, Gate, Status, Verdict
from factory.registry import digest_of

QUIET = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_GIT_INFO": "0"}
"""So that equal inputs make equal images."""

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A layer of one file, which cannot be compressed.

    Attributes:
        seed: what its content follows from.
        size: of the file in bytes.
    """

    seed: str
    size: int

    @property
    def tar(self) -> bytes:
        sink = io.BytesIO()
        with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            member = tarfile.TarInfo(f"file-{hashlib.sha256(self.seed.encode()).hexdigest()[:8]}")
            member.size = self.size
            content = random.Random(self.seed).randbytes(self.size)  # noqa: S311  # no secret
            archive.addfile(member, io.BytesIO(content))
        return sink.getvalue()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tiny:
    """An image that is to be: the engine's tag of it, its whole key, and its layers."""

    ref: str
    key: str
    layers: tuple[Layer, ...]


def load(engine: Engine, folder: Path, images: Iterable[Tiny]) -> dict[str, Built]:
    """Have images in the engine; by their tags.

    Raises:
        FactoryError: the engine did not take one.
    """
    blobs: dict[str, bytes] = {}
    cache: dict[Layer, tuple[str, str, int]] = {}
    wanted = list(images)
    entries = [_entry(image, blobs, cache) for image in wanted]
    file = folder / "images.tar"
    _write(file, blobs, entries)
    process.run(["docker", "load", "--quiet", "--input", str(file)], timeout=600)
    file.unlink()
    return {
        image.ref: _built(engine, image, entry)
        for image, entry in zip(wanted, entries, strict=True)
    }


def build(context: Path, *, ref: str, key: str, says: str | None = None) -> Built:
    """Have the engine build an image of the file ``file`` of a folder.

    Args:
        ref: the engine's tag of it.
        key: its whole key.
        says: the whole key in its label, if it is another one.

    Raises:
        ProcessFailed: the engine did not.
    """
    facts = context / "metadata.json"
    argv = ["docker", "buildx", "build", "--quiet", "--file=-", f"--tag={ref}"]
    argv += [f"--label={KEY_LABEL}={key if says is None else says}"]
    argv += [f"--metadata-file={facts}", str(context)]
    process.run(argv, stdin=b'FROM scratch\nCOPY file /file\nCMD ["/file"]\n', env=QUIET)
    said = json.loads(facts.read_text())
    return Built(
        key=key,
        ref=ref,
        image_id=said["containerimage.digest"],
        config_digest=said["containerimage.config.digest"],
        substituted_base=False,
        reason="for a proof",
        at="",
        seconds=0.0,
    )


def passed(built: Built) -> tuple[Verdict, ...]:
    """Both gates, passed, for exactly this image."""
    scan = Verdict(
        gate=Gate.SCAN,
        config_digest=built.config_digest,
        basis="sha256:basis",
        status=Status.PASS,
        checks=(Check(name="looked", status=CheckStatus.PASS),),
    )
    return scan, replace(scan, gate=Gate.VERIFY)


def _entry(
    image: Tiny, blobs: dict[str, bytes], cache: dict[Layer, tuple[str, str, int]]
) -> dict[str, Any]:
    for layer in image.layers:
        if layer not in cache:
            tar = layer.tar
            packed = gzip.compress(tar, compresslevel=1, mtime=0)
            cache[layer] = (_add(blobs, packed), digest_of(tar), len(packed))
    found = [cache[layer] for layer in image.layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/none"], "Labels": {KEY_LABEL: image.key}},
        "rootfs": {"type": "layers", "diff_ids": [diff for _, diff, _ in found]},
    }
    written = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _descriptor(_CONFIG, _add(blobs, written), len(written)),
        "layers": [_descriptor(_LAYER, digest, size) for digest, _, size in found],
    }
    content = json.dumps(manifest).encode()
    return {
        "config": manifest["config"]["digest"],  # type: ignore[index]  # made three lines above
        "manifest": _descriptor(_MANIFEST, _add(blobs, content), len(content)),
        "layers": [digest for digest, _, _ in found],
        "ref": image.ref,
    }


def _write(file: Path, blobs: Mapping[str, bytes], entries: Iterable[Mapping[str, Any]]) -> None:
    """As ``docker save`` writes it: a layout that is OCI's and Docker's own at once, so that both
    image stores read it."""
    index = {
        "schemaVersion": 2,
        "mediaType": _INDEX,
        "manifests": [
            {**one["manifest"], "annotations": {"io.containerd.image.name": one["ref"]}}
            for one in entries
        ],
    }
    classic = [
        {
            "Config": _path(one["config"]),
            "RepoTags": [one["ref"]],
            "Layers": [_path(digest) for digest in one["layers"]],
        }
        for one in entries
    ]
    files = {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps(index).encode(),
        "manifest.json": json.dumps(classic).encode(),
        **{_path(digest): content for digest, content in blobs.items()},
    }
    with tarfile.open(file, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _built(engine: Engine, image: Tiny, entry: Mapping[str, Any]) -> Built:
    found = engine.image(image.ref)
    if found is None:
        raise FactoryError(f"the engine did not take {image.ref}")
    return Built(
        key=image.key,
        ref=image.ref,
        image_id=found.id,
        config_digest=str(entry["config"]),
        substituted_base=False,
        reason="made byte by byte",
        at="",
        seconds=0.0,
    )


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _add(blobs: dict[str, bytes], content: bytes) -> str:
    name = digest_of(content)
    blobs[name] = content
    return name


def _path(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"
