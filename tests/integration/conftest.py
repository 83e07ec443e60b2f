"""A copy of the shipped project with a registry of its own, driven through the real commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from factory import process
from factory.model import Selection
from factory.pipeline import prepare
from factory.publish import local
from factory.runs import LABEL
from factory.settings import APP, Settings
from tests import warm
from tests.integration.registries import free_port

REPOSITORY = Path(__file__).parents[2]
TWO_CELLS = ("--only", "2.60.0-py311-cpu", "--only", "2.55.1-py311-cpu")
"""Of the shipped matrix, what most tests stand on; test_family.py has the others' kinds."""


@dataclass
class Checkout:
    """A project tree in a temporary folder, and what running a command in it needs."""

    root: Path
    registry: str
    data: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return os.environ | {
            "FACTORY_ROOT": str(self.root),
            "FACTORY_REGISTRY": self.registry,
            "XDG_DATA_HOME": str(self.data),
            "XDG_CACHE_HOME": str(self.data.parent / "cache"),
            "CI": "true",
            **self.extra,
        }

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.env)

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "invoke", *arguments]

    def invoke(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and check its exit code."""
        done = self.run(*arguments)
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stderr}"
        ours = [line for line in done.stderr.splitlines() if line.startswith("Traceback")]
        assert not ours, done.stderr
        return done

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return warm.command(arguments, self.env, timeout=900)

    def json(self, *arguments: str, expect: int = 0) -> Any:
        return json.loads(self.invoke(*arguments, "--format", "json", expect=expect).stdout)

    def refs(self) -> dict[str, str]:
        """Build id to the engine's tag of its image, as planned."""
        plan = prepare(self.settings, Selection()).plan
        return {planned.build.id: plan.steps[planned.key].ref for planned in plan.builds}

    def outcomes(self, *arguments: str, expect: int = 0) -> Mapping[str, dict[str, Any]]:
        """Outcomes of a run by ``verb subject``."""
        document = self.json(*arguments, expect=expect)
        return {f"{one['verb']} {one['subject']}": one for one in document["outcomes"]}

    def leftovers(self) -> set[str]:
        """Ids of containers and networks that runs in this tree made and that are still there."""
        found: set[str] = set()
        for lock in self.settings.runs.glob("*.lock"):
            wanted = ["--quiet", "--filter", f"label={LABEL}={lock.stem}"]
            for kind in (["ps", "--all"], ["network", "ls"], ["volume", "ls"]):
                found |= set(process.run(["docker", *kind, *wanted]).stdout.split())
        return found

    def close(self) -> None:
        local.stop(self.settings)


def make_checkout(folder: Path, *, images: bool = True) -> Checkout:
    """Copy what makes a project; without ``images``, tests add their own."""
    root = folder / "project"
    root.mkdir(parents=True)
    (root / "matrix.yaml").write_text(_alone((REPOSITORY / "matrix.yaml").read_text()))
    shutil.copytree(REPOSITORY / "dockerfiles", root / "dockerfiles")
    if images:
        shutil.copytree(REPOSITORY / "images", root / "images")
    _share_caches(folder / "cache" / APP)
    return Checkout(root=root, registry=f"127.0.0.1:{free_port()}", data=folder / "data")


def _alone(matrix: str) -> str:
    """Without cohorts: most tests publish a build by itself, and name their own images."""
    return re.sub(r"^cohorts:\n(?: .*\n|\n)+", "", matrix, flags=re.MULTILINE)


def _share_caches(cache: Path) -> None:
    """Runs are the tree's own, so that what they leave can be told apart; what only saves time is
    this machine's, and so are the locks of steps, which are built once for all trees."""
    cache.mkdir(parents=True)
    for name in ("rootfs", "trivy", "building"):
        shared = Settings.from_environment().cache / name
        shared.mkdir(parents=True, exist_ok=True)
        (cache / name).symlink_to(shared)


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The shipped project, two cells of which are built once for the whole session."""
    checkout = make_checkout(tmp_path_factory.mktemp("shipped"))
    checkout.invoke("build", *TWO_CELLS)
    yield checkout
    checkout.close()


@pytest.fixture(scope="session")
def ray_image(shipped: Checkout) -> str:
    """The engine's tag of the shipped image with the newer Ray."""
    return shipped.refs()["ray-app:2.60.0-py311-cpu"]


@pytest.fixture(scope="session")
def other_ray_image(shipped: Checkout) -> str:
    """The same with the older Ray."""
    return shipped.refs()["ray-app:2.55.1-py311-cpu"]


@pytest.fixture
def checkout(tmp_path: Path, shipped: Checkout) -> Iterator[Checkout]:
    """A project without images of its own yet; the shipped one's bases are in the engine."""
    made = make_checkout(tmp_path, images=False)
    yield made
    for ref in made.refs().values() if (made.root / "images").exists() else ():
        subprocess.run(["docker", "image", "rm", "--force", ref], capture_output=True, check=False)
    made.close()


def add_image(checkout: Checkout, name: str, files: Mapping[str, str], *, more: str = "") -> None:
    """Add an image whose application is these files."""
    folder = checkout.root / "images" / name
    app = folder / "app"
    app.mkdir(parents=True)
    (folder / "image.yaml").write_text(f"description: {name} for a test\n{more}")
    for path, text in files.items():
        (app / path).write_text(text)
