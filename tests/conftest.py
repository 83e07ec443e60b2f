"""What tests share: a small project, and property tests that give one answer however often run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]  # it has none
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # likewise

from factory import process

ROOT = Path(__file__).parent.parent
WITH_ENGINE = "tests/integration/"

MATRIX = """\
axes:
  python: ["3.11"]
  ray: ["2.60.0", "2.55.1"]

latest: {ray: "2.60.0"}

base:
  source: packages
  epoch: "2026-11"

targets:
  local: {kind: local}
"""
IMAGE = """\
description: Adds numbers
source: app
requirements: requirements.txt
checks: checks.py
"""

hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, max_examples=100)
hypothesis.settings.load_profile("steady")


AT_ONCE = 2
"""Processes that run tests. With more, what they boot would wait for cores, and not for nothing."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Whoever names files wants their tests alone, in this process; for ``-n`` is not ``auto``."""
    return AT_ONCE if all(Path(arg).is_dir() for arg in config.args) else 0


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """All tests with the engine are for one process, so that no two clusters boot at once; of the
    others a file is, since what a module has made is used by all its tests."""

    def _split_scope(self, nodeid: str) -> str:
        return WITH_ENGINE if nodeid.startswith(WITH_ENGINE) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Who gets which tests."""
    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def _none_of_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What whoever runs the tests has set for the factory is not what is tested."""
    for name in ("FACTORY_ROOT", "FACTORY_REGISTRY", "FACTORY_JOBS", "FACTORY_CLUSTERS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project of one image and two cells, with the templates that are shipped."""
    root = (tmp_path / "tree").resolve()
    image = root / "images" / "demo"
    (image / "app").mkdir(parents=True)
    (root / "matrix.yaml").write_text(MATRIX)
    (image / "image.yaml").write_text(IMAGE)
    (image / "requirements.txt").write_text("fsspec==2026.4.0\n")
    (image / "checks.py").write_text("def check_sum(ray):\n    assert 1 + 1 == 2\n")
    (image / "app" / "main.py").write_text("print(1 + 1)\n")
    unlocked = shutil.ignore_patterns("locks")  # tests ask for other packages than are locked
    shutil.copytree(ROOT / "dockerfiles", root / "dockerfiles", ignore=unlocked)
    return root


@pytest.fixture
def cancellable() -> Iterator[None]:
    """Lets a test call ``process.cancel_all`` without harm to those after it."""
    yield
    process.reset()
