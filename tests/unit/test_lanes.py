"""What runs at once: of clusters, what somebody says, else what the engine has room for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from factory.engine import Engine
from factory.lanes import aside, lanes
from factory.model import COLD_SUITE
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
    assert lanes(settings, load(settings), LARGE, ["verify"])["verify"] == 4


def test_larger_clusters_are_fewer(settings: Settings) -> None:
    project = load(settings)
    project = replace(project, matrix=replace(project.matrix, workers=9))
    assert lanes(settings, project, LARGE, ["verify"])["verify"] == 2


def test_a_variable_outranks_it(settings: Settings) -> None:
    told = replace(settings, clusters=7)
    assert lanes(told, load(settings), LARGE, ["verify"])["verify"] == 7


def test_an_engine_that_only_builds_is_not_asked_how_large_it_is(settings: Settings) -> None:
    unasked = cast("Engine", object())
    assert "verify" not in lanes(settings, load(settings), unasked, ["build"])


def test_clusters_go_down_aside_only_where_there_may_be_several(settings: Settings) -> None:
    project = load(settings)
    assert aside(project, {"verify": 2})
    assert not aside(project, {"verify": 1}), "who asks for one at a time means it"
    timed = replace(project, matrix=replace(project.matrix, suite=COLD_SUITE))
    assert not aside(timed, {"verify": 2})
