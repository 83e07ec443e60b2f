"""Which layers are left out of a layout, and when an image has to be taken whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from factory import process
from factory.process import Completed, ProcessFailed
from factory.scan import known
from factory.scan.known import STAND_IN, Known, exported
from factory.trivy import Trivy

TOOL = Trivy(path="trivy", version="0.76.0")
BASE = "a" * 64
ID = "sha256:" + "1" * 64
TAG = "factory.invalid/app:1"


@pytest.fixture
def there(tmp_path: Path) -> Known:
    return Known(tmp_path / "trivy", TOOL, java=False)


class BuildKit:
    """Writes an image's blobs, but for those that are in the layout already."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.tags: list[str] | None = ["elsewhere/app:1", TAG]
        self.found: list[str] = []
        self.dockerfiles: list[bytes] = []
        self.configuration = json.dumps({"rootfs": {"diff_ids": []}}).encode()

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", **_: Any) -> Completed:
        if "inspect" in argv:
            lines = "".join(f"{json.dumps(self.tags)}\n" for _ in argv[4:])
            return Completed(argv=tuple(argv), code=0, stdout=lines, stderr="", seconds=0.0)
        flags = dict(word.split("=", 1) for word in argv if word.startswith("--") and "=" in word)
        blobs = Path(flags["--output"].partition("dest=")[2], "blobs", "sha256")
        self.found = sorted(file.name for file in blobs.iterdir())
        self.dockerfiles.append(stdin)
        done = Completed(argv=tuple(argv), code=int(self.fails), stdout="", stderr="", seconds=0.0)
        if self.fails:
            raise ProcessFailed(done)
        config = self._write(blobs, self.configuration)
        layers = [{"digest": f"sha256:{BASE}"}, {"digest": self._write(blobs, b"new")}]
        manifest = {"config": {"digest": config}, "layers": layers}
        digest = self._write(blobs, json.dumps(manifest).encode())
        Path(flags["--metadata-file"]).write_text(json.dumps({"containerimage.digest": digest}))
        return done

    def _write(self, blobs: Path, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        if not (blobs / name).exists():
            (blobs / name).write_bytes(content)
        return f"sha256:{name}"


@pytest.fixture
def buildkit(monkeypatch: pytest.MonkeyPatch) -> BuildKit:
    made = BuildKit()
    monkeypatch.setattr(process, "run", made.run)
    return made


def test_what_is_known_is_not_written_again(
    tmp_path: Path, there: Known, buildkit: BuildKit
) -> None:
    there.add([f"sha256:{BASE}"])
    images = exported([ID], tmp_path / "layout", there)
    assert buildkit.found == [BASE]
    assert buildkit.dockerfiles == [f"FROM {TAG}\n".encode()]
    assert images
    ((config, image),) = images.items()
    assert config == f"sha256:{hashlib.sha256(buildkit.configuration).hexdigest()}"
    assert image.layers[0] == f"sha256:{BASE}"
    assert (tmp_path / "layout" / "blobs" / "sha256" / BASE).read_bytes() == STAND_IN
    index = json.loads((tmp_path / "layout" / "index.json").read_text())
    assert [one["digest"] for one in index["manifests"]] == [image.manifest]


def test_where_nothing_is_known_the_engine_is_asked_for_all(
    tmp_path: Path, there: Known, buildkit: BuildKit
) -> None:
    assert exported([ID], tmp_path / "layout", there) is None
    assert not buildkit.dockerfiles


@pytest.mark.parametrize("tags", [["ubuntu:24.04"], ["factory.invalid.io/app:1"], [], None])
def test_no_registry_is_asked_for_an_image_of_others(
    tmp_path: Path, there: Known, buildkit: BuildKit, tags: list[str] | None
) -> None:
    there.add([f"sha256:{BASE}"])
    buildkit.tags = tags
    assert exported([ID], tmp_path / "layout", there) is None
    assert not buildkit.dockerfiles


def test_a_buildkit_that_cannot_is_no_error(
    tmp_path: Path, there: Known, buildkit: BuildKit
) -> None:
    there.add([f"sha256:{BASE}"])
    buildkit.fails = True
    assert exported([ID], tmp_path / "layout", there) is None
    assert buildkit.dockerfiles


def test_a_stand_in_is_taken_for_no_configuration(
    tmp_path: Path, there: Known, buildkit: BuildKit
) -> None:
    there.add([f"sha256:{hashlib.sha256(buildkit.configuration).hexdigest()}"])
    assert exported([ID], tmp_path / "layout", there) is None


def test_another_trivy_and_another_way_to_read_know_nothing(tmp_path: Path, there: Known) -> None:
    there.add([f"sha256:{BASE}"])
    assert there.names == [BASE]
    newer = Trivy(path="trivy", version="0.77.0")
    assert Known(tmp_path / "trivy", newer, java=False).names == []
    assert Known(tmp_path / "trivy", TOOL, java=True).names == []


def test_what_was_forgotten_is_not_known(there: Known) -> None:
    there.add([f"sha256:{BASE}"])
    there.forget()
    assert there.names == []


def test_of_too_many_those_read_last_are_remembered(
    tmp_path: Path, there: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "_MOST", 2)
    for at, name in enumerate("abc"):
        there.add([f"sha256:{name * 64}"])
        (file,) = (tmp_path / "trivy").rglob(name * 64)
        os.utime(file, (at + 1, at + 1))
    there.add([])
    assert there.names == ["c" * 64, "b" * 64]
