"""What runs at once: of clusters, what somebody says, else what the engine has room for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from factory.engine import Engine
from factory.lanes import CLUSTERS, lanes, places
from factory.model import COLD_SUITE, Project
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


def clusters(settings: Settings, project: Project) -> tuple[int, int]:
    """How many stand at once, and how many builds are verified at once."""
    widths = lanes(settings, project, LARGE, ["verify"])
    return widths[CLUSTERS], widths["verify"]


def test_the_engines_size_decides_and_one_build_is_ahead_of_the_clusters(
    settings: Settings,
) -> None:
    assert clusters(settings, load(settings)) == (4, 5)


def test_larger_clusters_are_fewer_and_without_memory_none_is_ahead(settings: Settings) -> None:
    project = load(settings)
    project = replace(project, matrix=replace(project.matrix, workers=9))
    assert clusters(settings, project) == (2, 2)


def test_a_variable_outranks_it(settings: Settings) -> None:
    assert clusters(replace(settings, clusters=6), load(settings)) == (6, 7)
    assert clusters(replace(settings, clusters=7), load(settings)) == (7, 7), "no memory for an 8th"
    assert clusters(replace(settings, clusters=1), load(settings)) == (1, 1)


@pytest.mark.parametrize("suite", ["contract", COLD_SUITE])
def test_none_is_ahead_where_no_cluster_waits_or_where_it_is_timed(
    settings: Settings, suite: str
) -> None:
    project = load(settings)
    project = replace(project, matrix=replace(project.matrix, suite=suite))
    at_once, verified = clusters(settings, project)
    assert at_once == verified


def test_an_engine_that_only_builds_is_not_asked_how_large_it_is(settings: Settings) -> None:
    unasked = cast("Engine", object())
    assert "verify" not in lanes(settings, load(settings), unasked, ["build"])


def test_there_are_places_only_where_there_may_be_several(settings: Settings) -> None:
    project = load(settings)
    assert places(project, {CLUSTERS: 2})
    assert not places(project, {CLUSTERS: 1}), "who asks for one at a time means it"
    timed = replace(project, matrix=replace(project.matrix, suite=COLD_SUITE))
    assert not places(timed, {CLUSTERS: 2})
