"""``docker buildx bake`` of a tree's builds: the alternative that does the same work."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.tree import Tree
from factory import process
from factory.errors import FactoryError

CODE = Path(__file__).parents[1]
ENV = {"BUILDX_GIT_INFO": "0", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_BUILDER": ""}
"""What makes bake quicker, and its images comparable to ours."""

BAKE = ("docker", "buildx", "bake", "--file", ".factory/render/docker-bake.json")
AT_ONCE = 8
"""How many targets bake builds at a time where its cache is warmed: it has no limit of its own, and
exporting 96 images of a gigabyte at once takes longer than BuildKit waits for its clients."""

_SECONDS = 3600


def invoke(*arguments: str) -> list[str]:
    """The factory's command, for wherever it is run."""
    return [sys.executable, "-m", "invoke", "--search-root", str(CODE), *arguments]


def warm(tree: Tree, *flags: str) -> None:
    """Write the bake file of the selected builds, and have bake build them once.

    Raises:
        FactoryError: it failed.
    """
    run(tree, *invoke("bake", *flags))
    targets = json.loads((tree.settings.root / BAKE[-1]).read_text("utf-8"))["group"]["default"]
    names = targets["targets"]
    for at in range(0, len(names), AT_ONCE):
        run(tree, *BAKE, *names[at : at + AT_ONCE])


def run(tree: Tree, *argv: str) -> process.Completed:
    """Run a command in the tree's project.

    Raises:
        FactoryError: it failed, so there is nothing to compare.
    """
    try:
        return process.run(argv, cwd=tree.settings.root, env={**tree.env, **ENV}, timeout=_SECONDS)
    except process.ProcessFailed as error:
        raise FactoryError(f"it broke off: {error}", detail=error.completed.tail) from error
