"""An image's configuration becomes a Dockerfile that can be judged; work is done in a folder that
nobody else sweeps."""

from __future__ import annotations

from pathlib import Path

import pytest
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


@pytest.mark.parametrize("user", ["root", "0", "0:0", "root:users", "00", "+0"])
def test_root_is_told_by_the_one_name_that_trivy_knows(user: str) -> None:
    assert "USER root\n" in archive.dockerfile({"config": {"User": user}})


@pytest.mark.parametrize("user", ["1000", "10", "ray:0", "rooted", "0x0"])
def test_who_is_not_root_is_not_called_so(user: str) -> None:
    assert f"USER {user}\n" in archive.dockerfile({"config": {"User": user}})


def test_no_value_of_a_configuration_begins_an_instruction() -> None:
    config = {
        "Env": ["A\nUSER x=1", "B=1\nUSER x"],
        "ExposedPorts": {"80\nUSER nobody": {}},
        "WorkingDir": "/\nUSER x",
        "User": "root\nUSER x",
        "Entrypoint": ["a\nUSER x"],
    }
    lines = archive.dockerfile({"config": config}).splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER root_USER_x"]
