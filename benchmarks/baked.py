"""``docker buildx bake`` of a tree's builds: the alternative that does the same work."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.tree import Tree
from factory import process
from factory.errors import FactoryError

CODE = Path(__file__).parents[1]
ENV = {
    "BUILDX_BUILDER": "",
    "BUILDX_GIT_INFO": "0",
    "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    "BUILDX_NO_DEFAULT_LOAD": "1",  # else steps come out as images without a name
}
"""What makes bake quicker, and its images comparable to ours."""

FILE = ".factory/render/docker-bake.json"
BAKE = ("docker", "buildx", "bake", "--file", FILE)
AT_ONCE = 8
"""How many targets bake builds at a time where it cannot build all: of 4, 8, 16, 24, 32 and 48 the
quickest in a trial of 96 on two cores."""

_SECONDS = 3600


def invoke(*arguments: str) -> list[str]:
    """The factory's command, for wherever it is run."""
    return [sys.executable, "-m", "invoke", "--search-root", str(CODE), *arguments]


def by_parts() -> list[str]:
    """Bake of all builds, a few at a time."""
    return [sys.executable, str(CODE / "benchmarks" / "bakes.py"), FILE, str(AT_ONCE)]


def warm(tree: Tree, *flags: str) -> None:
    """Write the bake file of the selected builds, and have bake build them once.

    Raises:
        FactoryError: it failed.
    """
    run(tree, *invoke("bake", *flags))
    run(tree, *by_parts())


def whole(tree: Tree) -> process.Completed:
    """Bake of all builds at once, whatever comes of it."""
    env = {**tree.env, **ENV}
    return process.run(BAKE, cwd=tree.settings.root, env=env, timeout=_SECONDS, check=False)


def run(tree: Tree, *argv: str) -> process.Completed:
    """Run a command in the tree's project.

    Raises:
        FactoryError: it failed, so there is nothing to compare.
    """
    env = {**tree.env, **ENV}
    try:
        return process.run(argv, cwd=tree.settings.root, env=env, timeout=_SECONDS)
    except process.ProcessFailed as error:
        raise FactoryError(f"it broke off: {error}", detail=error.completed.tail) from error
