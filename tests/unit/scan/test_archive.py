"""The archive binds the verdict; its configuration becomes a Dockerfile that can be judged."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from filelock import FileLock

from factory.errors import ScanError
from factory.scan import archive

CONFIGURATION = {"config": {"User": "ray", "Env": ["PATH=/bin"]}}


def digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def write(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    raw = json.dumps(CONFIGURATION).encode()
    index = json.dumps([{"Config": "blobs/c", "Layers": []}]).encode()
    return write(tmp_path / "image.tar", {"blobs/c": raw, "manifest.json": index})


def test_the_configuration_of_the_expected_image_is_read(image: Path) -> None:
    expected = digest(json.dumps(CONFIGURATION).encode())
    assert archive.configuration(image, expected) == CONFIGURATION


def test_another_image_is_refused(image: Path) -> None:
    with pytest.raises(ScanError, match="was to be judged"):
        archive.configuration(image, digest(b"another"))


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"manifest.json": b"not JSON"},
        {"manifest.json": b"[]"},
        {"manifest.json": b'[{"Config": "gone"}]'},
        {"manifest.json": b'{"Config": 1}'},
    ],
)
def test_a_broken_archive_is_explained(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ScanError, match="cannot be read"):
        archive.configuration(write(tmp_path / "x.tar", files), digest(b""))


def test_a_file_that_is_no_archive_is_explained(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"cut off")
    with pytest.raises(ScanError, match="cannot be read"):
        archive.configuration(tmp_path / "x.tar", digest(b""))


def test_the_dockerfile_says_all_that_a_container_starts_with() -> None:
    text = archive.dockerfile(
        {
            "config": {
                "Env": ["PATH=/bin", 'QUOTE=a "b" $c', "LINES=1\n2"],
                "ExposedPorts": {"22/tcp": {}},
                "WorkingDir": "/home/ray",
                "Healthcheck": {"Test": ["CMD", "true"]},
                "User": "ray",
                "Entrypoint": ["/init"],
                "Cmd": ["bash"],
            }
        }
    )
    assert text.splitlines() == [
        "FROM scratch",
        'ENV PATH="/bin"',
        'ENV QUOTE="a \\"b\\" \\$c"',
        'ENV LINES="1 2"',
        "EXPOSE 22/tcp",
        'WORKDIR "/home/ray"',
        'HEALTHCHECK CMD ["check"]',
        "USER ray",
        'ENTRYPOINT ["/init"]',
        'CMD ["bash"]',
    ]


def test_an_empty_configuration_names_no_user() -> None:
    assert archive.dockerfile({}) == "FROM scratch\n"


def test_a_workspace_vanishes_with_its_scan(tmp_path: Path) -> None:
    with archive.workspace(tmp_path) as work:
        (work / "image.tar").write_bytes(b"x")
    assert not list(tmp_path.glob("scan-*"))


def test_what_a_killed_scan_left_is_swept_and_a_living_one_is_not(tmp_path: Path) -> None:
    dead, alive = tmp_path / "scan-dead", tmp_path / "scan-alive"
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "image.tar").write_bytes(b"x")
    with FileLock(alive / ".lock"), archive.workspace(tmp_path):
        assert not dead.exists()
        assert (alive / "image.tar").exists()
