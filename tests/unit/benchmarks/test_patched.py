"""Another patch of the same Python: when this machine has one, and what of it is copied."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import patched
from benchmarks.controls import CONTROLS

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize(
    ("patch", "venv", "useful"),
    [
        (f"{MINOR}.99", "/home/ray/anaconda3", True),
        (platform.python_version(), "/home/ray/anaconda3", False),
        ("2.7.99", "/home/ray/anaconda3", False),
        (f"{MINOR}.99", "", False),
    ],
    ids=["another patch", "the same", "another minor version", "in no environment"],
)
def test_only_another_patch_of_the_same_is_of_use(patch: str, venv: str, useful: bool) -> None:
    assert patched.useful(patch, venv) is useful


def test_the_copied_interpreter_runs_from_where_it_was_copied_to(tmp_path: Path) -> None:
    patched._interpreter(tmp_path)
    python = tmp_path / "bin" / f"python{MINOR}"
    code = "import platform, ssl, sys; print(platform.python_version(), sys.prefix)"
    said = subprocess.run(
        [python, "-I", "-c", code],
        env={"LD_LIBRARY_PATH": str(tmp_path / "lib")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert said.stdout.split() == [platform.python_version(), str(tmp_path)]


def test_each_of_its_images_is_that_of_a_control() -> None:
    assert {one.worker for one in CONTROLS} >= set(patched.NAMES)
