"""The container before the cluster, behind a `docker` of ours: what is the image's fault, and what
the engine's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.errors import VerifyError
from factory.model import Cell
from factory.process import Completed
from factory.verify import ClusterRequest, bare
from factory.verify.bare import Bare

BASH = """
import os, sys
arguments = sys.argv[sys.argv.index("bash"):]
os.execvp("bash", arguments)
"""
"""Runs what it is given, as a good image does."""


def failed(code: int, *said: str) -> Bare:
    ended = Completed(argv=("docker",), code=code, stdout="", stderr="\n".join(said), seconds=1.0)
    return Bare(completed=ended, launched=None)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (127, 'exec: "bash": executable file not found in $PATH: unknown'),
        (127, "[FATAL tini (7)] exec bash failed: No such file or directory"),
        (127, "/entry.sh: line 2: exec: bash: not found"),
    ],
    ids=["runtime", "init", "entrypoint"],
)
def test_a_missing_bash_is_named(code: int, said: str) -> None:
    assert "no `bash`" in failed(code, said).why_not


@pytest.mark.parametrize(
    ("code", "said", "words"),
    [
        (127, 'exec: "/entry.sh": stat /entry.sh: no such file or directory', "/entry.sh"),
        (126, "exec /entry.sh: permission denied", "permission denied"),
        (0, "welcome", "ENTRYPOINT"),
        (1, "/bin/bash: line 1: serve: command not found", "ENTRYPOINT"),
    ],
    ids=["entrypoint lacks", "not executable", "swallows", "fails"],
)
def test_what_else_keeps_an_image_from_running_what_it_is_told(
    code: int, said: str, words: str
) -> None:
    assert words in failed(code, said).why_not


@pytest.mark.parametrize(
    ("code", "said", "engines"),
    [
        (125, "docker: Error response from daemon: No such image: x:1.", True),
        (125, 'time=now level=error msg="error waiting for container: unexpected EOF"', True),
        (125, "an image may end with this code too", False),
        (127, "docker: Error response from daemon: exec: bash: not found", False),
    ],
    ids=["no image", "it went away", "the image's code", "no program"],
)
def test_an_engine_that_fails_is_told_from_an_image_that_does(
    code: int, said: str, engines: bool
) -> None:
    assert failed(code, said).engines_fault is engines


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the program `docker`: what it does in place of `run`."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    def make(instead: str) -> None:
        rest = "import sys\nif sys.argv[1] != 'run':\n    sys.exit()\n"
        program.write_text(f"#!{sys.executable}\n{rest}{instead}")
        program.chmod(0o755)

    return make


def run(tmp_path: Path) -> tuple[Bare, list[float], list[str]]:
    request = ClusterRequest(
        subject="ray-app:2.60.0-py311-cpu",
        config_digest="sha256:" + "a" * 64,
        head_ref="ray-app:1",
        worker_ref="ray-app:1",
        cell=Cell(python="3.11", ray="2.60.0", device="cpu"),
        compose_file=tmp_path / "cluster.yaml",
    )
    launches: list[float] = []
    lines: list[str] = []
    found = bare.run(
        request,
        b"print('it runs')",
        run_id="run",
        on_launch=launches.append,
        on_line=lines.append,
    )
    return found, launches, lines


def test_an_image_that_runs_its_arguments_is_launched_once(
    docker: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(BASH)
    monkeypatch.setattr(bare, "PYTHON", (sys.executable, "-"))
    found, launches, lines = run(tmp_path)
    assert launches == [found.launched]
    assert lines[-1] == "it runs"


@pytest.mark.parametrize(
    "instead",
    ["print(*sys.argv)", "print(*sys.argv, sep=chr(10))", "pass", "sys.exit(3)"],
    ids=["echoes", "echoes in lines", "says nothing", "fails"],
)
def test_an_image_that_does_anything_else_is_not(
    docker: Callable[[str], None], tmp_path: Path, instead: str
) -> None:
    docker(instead)
    found, launches, _ = run(tmp_path)
    assert found.launched is None
    assert launches == []
    assert "ENTRYPOINT" in found.why_not


def test_an_image_that_does_not_end_is_ended(
    docker: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker("import time\ntime.sleep(60)")
    monkeypatch.setattr(bare, "SECONDS", 0.3)
    found, _, _ = run(tmp_path)
    assert found.late
    assert found.launched is None


def test_an_engine_that_fails_is_no_verdict(docker: Callable[[str], None], tmp_path: Path) -> None:
    docker("sys.exit('docker: Error response from daemon: No such image') if 0 else None\n"
           "sys.stderr.write('docker: No such image\\n')\nsys.exit(125)")  # fmt: skip
    with pytest.raises(VerifyError, match="could not run a container") as caught:
        run(tmp_path)
    assert "No such image" in " ".join(caught.value.detail)
