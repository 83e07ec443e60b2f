"""What goes with a job, and what does not."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from factory.cluster import work
from factory.cluster.found import Found
from factory.errors import ClusterError, ConfigError
from tests.unit.cluster.test_telling import WHOLE, place


def names(folder: Path) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(work.packed(folder))) as archive:
        members = archive.getmembers()
        assert all(member.isfile() for member in members)
        found = {member.name: archive.extractfile(member) for member in members}
    return {name: file.read() for name, file in found.items() if file}


def test_code_goes_and_what_no_job_reads_stays(tmp_path: Path) -> None:
    for path in ("job.py", "a/b.py", ".git/config", "a/__pycache__/b.pyc", ".venv/bin/python"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / "link.py").symlink_to("job.py")
    (tmp_path / "broken").symlink_to("nowhere")
    assert names(tmp_path) == {"job.py": b"job.py", "a/b.py": b"a/b.py", "link.py": b"job.py"}


def test_a_folder_that_is_too_large_is_refused_before_it_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST", 10)
    (tmp_path / "data").write_bytes(b"x" * 11)
    with pytest.raises(ConfigError, match="would go with the job") as raised:
        work.packed(tmp_path)
    assert "cluster.cp" in raised.value.todo


def test_nothing_is_submitted_without_a_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="submit what"):
        work.submit(WHOLE, tmp_path, ())


def test_a_node_that_ended_is_not_entered() -> None:
    ended = Found(name="local", spec=None, places=(place("head", "", running=False),))
    with pytest.raises(ClusterError, match="head does not run: it is exited with 1") as raised:
        work.shell(ended, "head", (), terminal=False)
    assert "cluster.logs head" in raised.value.todo


@pytest.mark.parametrize("ends", [("a", "b"), ("head:/a", "worker-1:/b")])
def test_a_copy_has_one_end_here_and_one_there(ends: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="one of the two has to be on a node"):
        work.copy(WHOLE, *ends)


def test_several_logs_are_not_followed_at_once() -> None:
    with pytest.raises(ConfigError, match="--follow needs a node"):
        work.logs(WHOLE, None, follow=True, tail=1)
