"""The engine's archive binds the verdict, and becomes a layout of which one image can be read."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from factory.errors import ScanError
from factory.scan import layout

BASE, APP, OTHER = b"a layer", b"another one", b"a third"


def digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def blob(raw: bytes) -> str:
    return f"blobs/sha256/{hashlib.sha256(raw).hexdigest()}"


def configuration(*layers: bytes) -> bytes:
    document = {"config": {"User": "ray"}, "rootfs": {"diff_ids": [digest(one) for one in layers]}}
    return json.dumps(document).encode()


def write(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def saved(*images: tuple[bytes, ...]) -> dict[str, bytes]:
    """An archive as engines write it since release 25: layers as blobs, here compressed."""
    files: dict[str, bytes] = {}
    index = []
    for layers in images:
        config = configuration(*layers)
        packed = [gzip.compress(layer, mtime=0) for layer in layers]
        files |= {blob(config): config} | {blob(one): one for one in packed}
        index.append({"Config": blob(config), "Layers": [blob(one) for one in packed]})
    return files | {"manifest.json": json.dumps(index).encode()}


def manifest(folder: Path, found: layout.Image) -> dict[str, Any]:
    named = folder / "blobs" / "sha256" / found.manifest.partition(":")[2]
    raw = named.read_bytes()
    assert digest(raw) == found.manifest
    return dict(json.loads(raw))


def test_images_are_found_by_the_digests_of_their_configurations(tmp_path: Path) -> None:
    archive = write(tmp_path / "images.tar", saved((BASE, APP), (BASE, OTHER)))
    folder = tmp_path / "layout"
    found = layout.unpack(archive, folder)
    assert set(found) == {digest(configuration(BASE, APP)), digest(configuration(BASE, OTHER))}
    index = json.loads((folder / "index.json").read_text())
    assert [one["digest"] for one in index["manifests"]] == [
        image.manifest for image in found.values()
    ]
    for config, image in found.items():
        written = manifest(folder, image)
        assert written["config"]["digest"] == config
        for layer in written["layers"]:
            content = (folder / "blobs" / "sha256" / layer["digest"][7:]).read_bytes()
            assert (digest(content), len(content)) == (layer["digest"], layer["size"])
            assert layer["mediaType"].endswith("tar+gzip")
        assert image.configuration["config"] == {"User": "ray"}


def test_what_is_shared_is_there_once(tmp_path: Path) -> None:
    archive = write(tmp_path / "images.tar", saved((BASE, APP), (BASE, OTHER)))
    layout.unpack(archive, tmp_path / "layout")
    blobs = list((tmp_path / "layout" / "blobs" / "sha256").iterdir())
    assert len(blobs) == 3 + 2 + 2  # layers, configurations, manifests


def test_the_archive_of_an_older_engine_names_layers_by_their_diff_ids(tmp_path: Path) -> None:
    config = configuration(BASE)
    index = [{"Config": "c.json", "Layers": ["abc/layer.tar"]}]
    files = {"c.json": config, "abc/layer.tar": BASE, "manifest.json": json.dumps(index).encode()}
    found = layout.unpack(write(tmp_path / "images.tar", files), tmp_path / "layout")
    (layer,) = manifest(tmp_path / "layout", found[digest(config)])["layers"]
    assert layer == {
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": digest(BASE),
        "size": len(BASE),
    }


def test_a_configuration_counts_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    files = saved((BASE,))
    (name,) = (one for one, raw in files.items() if raw == configuration(BASE))
    files[name] = configuration(BASE).replace(b"ray", b"root")
    found = layout.unpack(write(tmp_path / "images.tar", files), tmp_path / "layout")
    assert digest(configuration(BASE)) not in found


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"manifest.json": b"not JSON"},
        {"manifest.json": b'[{"Config": "gone"}]'},
        {"manifest.json": b'{"Config": 1}'},
        {"manifest.json": b'[{"Config": "c", "Layers": []}]', "c": b"[]"},
        {"manifest.json": b'[{"Config": "c", "Layers": ["l"]}]', "c": configuration(BASE)},
        {"manifest.json": b'[{"Config": "c", "Layers": []}]', "c": configuration(BASE)},
        {
            "manifest.json": b'[{"Config": "c", "Layers": ["../../up"]}]',
            "c": b'{"rootfs": {"diff_ids": ["sha256:../../../up"]}}',
            "../../up": b"x",
        },
    ],
)
def test_a_broken_archive_is_explained(tmp_path: Path, files: dict[str, bytes]) -> None:
    archive = write(tmp_path / "x.tar", files)
    with pytest.raises(ScanError, match="cannot be read"):
        layout.unpack(archive, tmp_path / "a" / "layout")
    assert not (tmp_path / "up").exists()


def test_a_file_that_is_no_archive_is_explained(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"cut off")
    with pytest.raises(ScanError, match="cannot be read"):
        layout.unpack(tmp_path / "x.tar", tmp_path / "layout")


def test_a_configuration_that_engines_read_in_another_way_is_not_judged(tmp_path: Path) -> None:
    """They take the last name, of whatever case; labels may be called what they like."""
    image = {"config": {"User": "ray", "Labels": {"a": "1", "A": "2"}}, "rootfs": {"diff_ids": []}}
    for found, named in (
        (json.dumps(image), ""),
        (json.dumps(image)[:-1] + ', "Config": {"User": "root"}}', "'config' twice"),
        (json.dumps(image).replace('"ray"', '"ray", "USER": "root"'), "'user' twice"),
    ):
        raw = found.encode()
        index = json.dumps([{"Config": blob(raw), "Layers": []}]).encode()
        archive = write(tmp_path / "images.tar", {blob(raw): raw, "manifest.json": index})
        folder = tmp_path / (named or "well")
        if not named:
            assert set(layout.unpack(archive, folder)) == {digest(raw)}
            continue
        with pytest.raises(ScanError, match=named):
            layout.unpack(archive, folder)
