from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import machine, minimum, verifying
from benchmarks.half import Took
from benchmarks.verifying import MANY, Rounds
from factory.engine import Engine
from factory.model import Cell, Selection
from factory.pipeline import prepare
from factory.runs import LABEL
from factory.settings import Settings
from factory.verify import ClusterRequest
from tests.conftest import ROOT

OWN = "def check_it():\n    assert True\n"
BY_CHECK = {"boot": {"seconds": 6.0, "cpu_seconds": 8.5}}


def took(seconds: float, busy: float = 30.0) -> Took:
    return Took(
        outcomes=[], seconds=seconds, own_cpu_seconds=1.0, busy_seconds=busy, peak_bytes=10**6
    )


def least(seconds: float) -> minimum.Took:
    return minimum.Took(seconds=seconds, down_seconds=4.0, busy_seconds=40.0)


@pytest.fixture
def figure(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(machine, "facts", lambda _: {})
    monkeypatch.setattr(machine, "cores", lambda: 2)
    monkeypatch.setattr(Engine, "connect", lambda: None)
    rounds = Rounds(
        ours=[took(30.0), took(20.0), took(25.0)],
        theirs=[least(20.0), least(40.0)],
        many=[took(150.0, 240.0), took(170.0, 250.0), took(100.0, 230.0)],
    )
    return verifying._figure(rounds, took(91.0), BY_CHECK)


def test_medians_are_held_against_each_other(figure: Any) -> None:
    assert figure.values["factory_median_seconds"] == 25.0
    assert figure.values["ratio"] == round(25 / 30, 3)
    assert figure.values["minimum_down_seconds"] == 4.0
    assert figure.values["ratio_without_down"] == round(25 / 26, 3)
    assert figure.values["many_ratio"] == round(150 / (MANY * 25), 3)


def test_the_cores_are_the_limit_of_eight_at_once(figure: Any) -> None:
    assert figure.values["many_ratio_if_no_core_idled"] == round(240 / 2 / (MANY * 25), 3)


def test_each_target_is_judged_for_itself(figure: Any) -> None:
    assert [target.met for target in figure.targets] == [True, True, False]


def test_the_project_has_enough_builds_that_nothing_is_judged_twice(tmp_path: Path) -> None:
    for name in ("images", "dockerfiles"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("locks"))
    content = yaml.safe_load((ROOT / "matrix.yaml").read_text("utf-8"))
    verifying._sites(content)
    (tmp_path / "matrix.yaml").write_text(yaml.safe_dump(content), "utf-8")
    settings = Settings.from_environment({"FACTORY_ROOT": str(tmp_path), "HOME": str(tmp_path)})
    prepared = prepare(settings, Selection())
    assert len(verifying._builds(prepared, "ray-app", rllib=False)) == 1 + verifying.RUNS * (
        1 + MANY
    )
    assert len(verifying._builds(prepared, "ray-rl", rllib=True)) == 1


def test_the_minimum_asks_what_the_quick_suite_asks(tmp_path: Path) -> None:
    file = tmp_path / "checks.py"
    file.write_text(OWN, "utf-8")
    cell = Cell(python="3.11", ray="2.60.0", device="cpu")
    request = ClusterRequest(
        subject="it",
        config_digest="",
        head_ref="it",
        worker_ref="it",
        cell=cell,
        compose_file=ROOT / "compose" / "cluster.yaml",
        own_checks=(file,),
    )
    text = minimum.script(request).decode()
    [loop] = [node for node in ast.parse(text).body if isinstance(node, ast.For)]
    names = ast.literal_eval(loop.iter)
    assert {"user", "nodes", "square", "jobs-api", "own:it"} <= set(names)
    assert "worker-loss" not in names


def test_what_the_minimum_makes_names_its_run() -> None:
    content = yaml.safe_load(minimum.FILE.read_text("utf-8"))
    made = (*content["services"].values(), *content["networks"].values())
    assert all(one["labels"] == {LABEL: "${RUN_ID}"} for one in made)
