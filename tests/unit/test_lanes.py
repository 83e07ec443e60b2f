"""How many clusters a run boots at once: what somebody says, else what the engine has room for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from factory.engine import Engine
from factory.pipeline import _clusters
from factory.project import load
from factory.settings import Settings


class _Large:
    """An engine's size."""

    memory = 64 * 2**30
    cores = 4


LARGE = cast("Engine", _Large())


@pytest.fixture
def settings(tree: Path) -> Settings:
    return Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(tree.parent)})


def test_the_engines_size_decides(settings: Settings) -> None:
    assert _clusters(settings, load(settings), LARGE) == 4


def test_larger_clusters_are_fewer(settings: Settings) -> None:
    project = load(settings)
    project = replace(project, matrix=replace(project.matrix, workers=9))
    assert _clusters(settings, project, LARGE) == 2


def test_a_variable_outranks_it(settings: Settings) -> None:
    assert _clusters(replace(settings, clusters=7), load(settings), LARGE) == 7
