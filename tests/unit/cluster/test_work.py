"""What goes with a job, and what does not."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from factory import process
from factory.cluster import owning, work
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


def test_a_linked_folder_goes_and_one_that_leads_back_does_not(tmp_path: Path) -> None:
    folder, away = tmp_path / "here", tmp_path / "away"
    for path in (folder / "a", away / "b"):
        path.mkdir(parents=True)
        (path / "it.py").write_text(path.name)
    (folder / "away").symlink_to(away)
    (folder / "again").symlink_to(away)
    (folder / "a" / "up").symlink_to(folder)
    (folder / "a" / "out").symlink_to(tmp_path)
    (away / "b" / "self").symlink_to(away)
    (away / "b" / "back").symlink_to(folder)
    (folder / ".git").symlink_to(away)
    assert names(folder) == {"a/it.py": b"a", "away/b/it.py": b"b", "again/b/it.py": b"b"}


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


def copied(
    monkeypatch: pytest.MonkeyPatch, source: str, answer: str, there: Found = WHOLE
) -> tuple[str, list[str]]:
    """What is said of a copy into a node, and the paths there that were given to its user."""
    asked: list[tuple[list[str], bytes | None]] = []

    def run(argv: list[str], *, stdin: bytes | None = None, **_: object) -> process.Completed:
        asked.append((argv, stdin))
        return process.Completed(argv=tuple(argv), code=0, stdout=answer, stderr="", seconds=0.0)

    monkeypatch.setattr(process, "run", run)
    said = work.copy(there, source, "worker-1:/there")
    owned = [stdin.decode() for argv, stdin in asked if stdin is not None and "--user=0" in argv]
    return said, owned[0].split("\0") if owned else []


@pytest.mark.parametrize(
    ("source", "answer", "owned"),
    [
        ("one.txt", "/there/one.txt", ["/there/one.txt"]),
        ("dir", "/there/dir", ["/there/dir", "/there/dir/sub", "/there/dir/l", "/there/dir/sub/a"]),
        ("dir/.", "/there/", ["/there/sub", "/there/l", "/there/sub/a"]),
        ("link", "/there/link", ["/there/link"]),
        ("link/", "/there/link", [f"/there/link{below}" for below in ("", "/sub", "/l", "/sub/a")]),
    ],
)
def test_what_was_copied_into_a_node_and_nothing_else_becomes_its_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, answer: str, owned: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.txt").touch()
    (tmp_path / "dir" / "sub").mkdir(parents=True)
    (tmp_path / "dir" / "sub" / "a").touch()
    (tmp_path / "dir" / "l").symlink_to("nowhere")
    (tmp_path / "link").symlink_to("dir")
    said, found = copied(monkeypatch, source, f"{answer}\n")
    assert found == owned
    assert said == f"copied {source} to worker-1:/there"


def test_what_is_copied_into_a_node_that_does_not_run_is_said_to_be_roots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = Found(name="local", spec=None, places=(place("worker-1", "", running=False),))
    said, owned = copied(monkeypatch, "a", "", ended)
    assert owned == []
    assert said.endswith("; it is root's there, since worker-1 does not run")


@pytest.mark.parametrize(
    ("source", "name"),
    [("a/b", "b"), ("a/b/", "b"), ("a/b/.", ""), (".", ""), ("..", "up"), ("/", "")],
)
def test_a_folder_calls_what_it_receives_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, name: str
) -> None:
    (tmp_path / "up" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "up" / "here")
    assert owning._name(source) == name


def test_several_logs_are_not_followed_at_once() -> None:
    with pytest.raises(ConfigError, match="--follow needs a node"):
        work.logs(WHOLE, None, follow=True, tail=1)
