"""Whatever a user does wrong ends in a one-screen message with the promised exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from invoke.program import Program

import tasks
from factory.errors import ConfigError
from factory.model import Selection
from factory.pipeline import prepare
from factory.settings import Settings
from tests import warm
from tests.bad_input.adversarial import ADVERSARIAL
from tests.bad_input.cases import CASES
from tests.bad_input.spoiling import Case
from tests.conftest import ROOT

Result = tuple[int, str, str]
"""Exit code, standard output, standard error."""

ONE_SCREEN = 25
NOBODY = 65534


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_mistake_is_explained(
    case: Case,
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    case.spoil(tree)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tree.parent / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tree.parent / "data"))
    for name, value in ({"FACTORY_ROOT": str(tree)} | dict(case.env)).items():
        monkeypatch.setenv(name, value)
    code, out, err = in_a_process(case.args) if case.real else in_this_process(case.args, capsys)
    assert code == case.code, err
    for part in case.says:
        assert part in err
    for part in case.hides:
        assert part not in out + err
    assert "\n  → " in err, "the next step is missing"
    assert len(err.splitlines()) <= ONE_SCREEN
    assert not re.search("Traceback|defect", out + err)
    assert not re.search(r"[^\n\x20-\x7e→…·×–✗✓]", err), "something unprintable came through"
    assert out == "" or json.loads(out) is not None


def test_a_stream_that_cannot_show_everything_shows_what_it_can(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTORY_ROOT", str(tree))
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    code, out, err = through_a_process(("matrix",))
    assert (code, err) == (0, "")
    assert "2 cells ? 2 builds: 2 of demo" in out


@pytest.mark.parametrize(("args", "code"), [(["plan"], 0), (["plan", "--image=no"], 2)])
def test_a_reader_that_leaves_changes_no_exit_code(tree: Path, args: list[str], code: int) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "invoke", *args],
            cwd=ROOT,
            env=os.environ | {"FACTORY_ROOT": str(tree)},
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=180,
            check=False,
        )
    finally:
        os.close(write)
    assert done.returncode == code
    assert "Broken" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read")
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("matrix.yaml", "matrix.yaml: cannot be read: Permission denied"),
        ("images/demo/image.yaml", "images/demo/image.yaml: cannot be read: Permission denied"),
        ("images/demo/app/main.py", "app/main.py: Permission denied"),
        ("images/demo/app", "images/demo/app: Permission denied"),
        ("dockerfiles/macros.j2", "dockerfiles/macros.j2: cannot be read: Permission denied"),
    ],
)
def test_what_this_user_may_not_read_is_named(tree: Path, path: str, said: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        root = Path(folder).resolve() / "tree"
        shutil.copytree(tree, root)
        (root / path).chmod(0)
        settings = Settings.from_environment({"FACTORY_ROOT": str(root), "HOME": "/"})
        with as_nobody(), pytest.raises(ConfigError, match="Permission denied") as raised:
            prepare(settings, Selection())
    assert said in str(raised.value)


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def through_a_process(args: tuple[str, ...]) -> Result:
    """Through the real command line."""
    done = subprocess.run(
        [sys.executable, "-m", "invoke", *args],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def in_a_process(args: tuple[str, ...]) -> Result:
    """The same, in a process that has imported the factory before."""
    done = warm.command(args, os.environ, timeout=180)
    return done.returncode, done.stdout, done.stderr


def in_this_process(args: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> Result:
    """Through invoke's own parser and error handling, without the start of another Python."""
    code, argv = 0, ["invoke", *args]
    try:
        with patch("sys.argv", argv):  # by which some tasks tell what is given by its place
            Program(namespace=tasks.ns, name="invoke").run(argv)
    except SystemExit as error:
        code = int(error.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_list_of_attacks_is_long_and_each_is_another() -> None:
    assert len(ADVERSARIAL) >= 60
    assert len({case.id for case in ADVERSARIAL}) == len(ADVERSARIAL)
    assert all(case.says for case in ADVERSARIAL)
    assert len([case for case in ADVERSARIAL if case.real]) >= len(ADVERSARIAL) // 8


def test_the_list_is_long_and_a_telling_part_of_it_is_real() -> None:
    told = [case for case in CASES if case.says and case not in ADVERSARIAL]
    assert len(told) >= 60
    assert len([case for case in told if case.real]) >= len(told) // 3
    assert len({case.id for case in CASES}) == len(CASES)
