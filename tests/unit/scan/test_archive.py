"""An image's configuration becomes a Dockerfile that can be judged; work is done in a folder that
nobody else sweeps."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from factory.scan import archive


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
