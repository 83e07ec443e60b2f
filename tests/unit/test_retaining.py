"""What is collected at a target, by the ledger, a registry and the decision together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factory.model import Collected, Decision, Ecr, State, Target
from factory.retaining import hindrance
from tests.unit.publish.moved import POLICY, Moved, moved_at


@pytest.fixture
def moved(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    with moved_at(tree, monkeypatch) as made:
        yield made


def goes(found: Collected) -> list[str]:
    """The versions that nothing keeps."""
    return [one.tags[0].rpartition("-")[2] for one in found.decisions if not one.keep]


def test_what_the_last_run_at_a_target_would_be_rolled_back_to_stays(moved: Moved) -> None:
    """Whatever moved at another target since."""
    moved.publish("v1", "prod")
    moved.publish("v3", "prod")
    assert goes(moved.collect()) == []
    moved.publish("v4", "local")
    assert moved.collect(apply=True).removed == ()
    assert moved.roll_back("v3").state is State.DONE
    assert moved.floats("prod") == moved.held.version("v1")


def test_what_the_run_before_the_last_would_be_rolled_back_to_goes(moved: Moved) -> None:
    for version in ("v1", "v2", "v3"):
        moved.publish(version, "prod", "local")
    assert goes(moved.collect(apply=True)) == ["v1"]
    assert moved.versions("prod") == {"v2", "v3"}
    assert moved.versions("local") == {"v1", "v2", "v3"}, "the same at another target"


def test_nothing_is_removed_where_a_target_was_before(moved: Moved) -> None:
    for version in ("v1", "v2", "v3"):
        moved.publish(version, "prod")
    moved.target(registry=f"{moved.held.host}/elsewhere")
    assert moved.collect(apply=True).decisions == ()
    assert moved.versions("prod") == {"v1", "v2", "v3"}
    old = moved.repository("prod")
    assert moved.told == [f"{old} is not where `prod` is now: what it has there is left"]


def test_what_left_the_matrix_is_removed_where_its_target_is_still(moved: Moved) -> None:
    for version in ("v1", "v2", "v3"):
        moved.publish(version, "prod")
    moved.target(retention=replace(POLICY, ended="remove"))
    matrix = moved.project.matrix
    moved.project = replace(moved.project, matrix=replace(matrix, cells=matrix.cells[1:]))
    assert goes(moved.collect(apply=True)) == ["v1"]
    assert not any("is not where" in told for told in moved.told)
    assert moved.versions("prod") == {"v2", "v3"}, "a rollback may want them"


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("1.dkr.ecr.eu-central-1.amazonaws.com/ray", "give the repository a lifecycle policy"),
        ("docker.io/me", "remove tags there on its own pages"),
    ],
)
def test_what_lets_nothing_be_removed_is_said_before_anybody_applies(host: str, says: str) -> None:
    target = Target(name="prod", kind="registry", registry=host)

    def why(**more: Any) -> str:
        one = Decision(
            repository=f"{host}/demo", digest="d", tags=("t",), build_id="", keep=False, why=""
        )
        return hindrance([replace(one, **more)], target)

    assert why().endswith(f" removes nothing by the API of registries: {says}")
    assert why(keep=True) == ""
    assert why(repository="registry.example/demo") == ""


def test_ecr_removes_by_its_own_api() -> None:
    host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    ecr = Ecr(account="123456789012", region="eu-central-1")
    target = Target(name="prod", kind="ecr", registry=host, ecr=ecr)
    one = Decision(
        repository=f"{host}/demo", digest="d", tags=("t",), build_id="", keep=False, why=""
    )
    assert hindrance([one], target) == ""
