"""What is broken on purpose: that the soak can tell what was caught from what was not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from benchmarks import controls, documented, good
from benchmarks.catalogue import FIGURES
from benchmarks.controls import CONTROLS, Found
from benchmarks.good import Good
from benchmarks.planted import Control
from factory.model import Build, Cell
from factory.verify import SUITES, ClusterRequest
from factory.verify.selection import Selection
from factory.verify.smoke import own
from tests.conftest import ROOT

GOOD = Good(
    request=ClusterRequest(
        subject="ray-app:2.60.0-py311-cpu",
        config_digest="sha256:" + "a" * 64,
        head_ref="good:1",
        worker_ref="good:1",
        cell=Cell(python="3.11", ray="2.60.0", device="cpu"),
        compose_file=ROOT / "compose" / "cluster.yaml",
    ),
    others={"other ray": "older:1"},
)
CONTROL = Control(planted="no bash", lines="RUN rm", caught_by=("launch",), says="bash")
ids = pytest.mark.parametrize("control", CONTROLS, ids=lambda one: one.planted)


def found(*failed: str, why: str = "there is no bash") -> Found:
    return Found(control=CONTROL, failed=failed, why=why, seconds=1.0)


def test_a_control_is_caught_by_the_check_that_it_names() -> None:
    assert found("launch").caught


@pytest.mark.parametrize(
    "missed",
    [found(), found("boot"), found("launch", "boot"), found("launch", why="it is late")],
    ids=["passed", "another", "one more", "for another reason"],
)
def test_a_control_is_not_caught_by_anything_else(missed: Found) -> None:
    assert not missed.caught


def test_there_are_at_least_fifteen_each_with_words_of_its_own() -> None:
    planted = {one.planted for one in CONTROLS}
    assert len(planted) == len(CONTROLS) >= 15


@ids
def test_a_control_breaks_one_thing(control: Control) -> None:
    """What it is said to be is how that shows, or itself what is wrong."""
    ways = (control.lines, control.worker, control.own, control.sizes)
    said = (control.expecting, control.needs)
    assert sum(map(bool, ways)) == 1 or (not any(ways) and sum(map(bool, said)) == 1)


@ids
def test_a_control_names_checks_of_its_suite(control: Control, tmp_path: Path) -> None:
    request = controls._request(control, GOOD, "broken:1", tmp_path)
    specs = own.discover(control.own, "0-control") if control.own else []
    asked = Selection.of(request.expected, specs, gpus=False, suite=control.suite)
    found = {*asked.contract, *asked.alone, *asked.names}
    assert set(control.caught_by) <= {"launch", "driver-floor", "boot", "alive", *found}
    assert control.suite in SUITES


@ids
def test_a_controls_checks_of_its_own_are_python_that_defines_some(control: Control) -> None:
    if control.own:
        names = {spec.name for spec in own.discover(control.own, "0-control")}
        assert names == set(control.caught_by)


def test_a_broken_worker_has_a_good_head(tmp_path: Path) -> None:
    request = controls._request(replace(CONTROL, on="worker"), GOOD, "broken:1", tmp_path)
    assert (request.head_ref, request.worker_ref) == ("good:1", "broken:1")
    request = controls._request(CONTROL, GOOD, "broken:1", tmp_path)
    assert (request.head_ref, request.worker_ref) == ("broken:1", "broken:1")


def test_a_size_is_changed_on_every_node_and_nothing_else_is(tmp_path: Path) -> None:
    definition = yaml.safe_load(controls._sized({"SHM_SIZE": "64m"}, tmp_path).read_text())
    original = yaml.safe_load(GOOD.request.compose_file.read_text())
    for service in definition["services"].values():
        assert service.pop("shm_size") == "64m"
    for service in original["services"].values():
        del service["shm_size"]
    assert definition["services"] == original["services"]


@pytest.mark.parametrize(
    ("cell", "image", "misfits"),
    [
        ("2.55.1-py311", "ray-app", ["other ray"]),
        ("2.60.0-py313", "ray-app", ["other python"]),
        ("2.55.1-py313", "ray-app", []),
        ("2.60.0-py311", "ray-app", []),
        ("2.55.1-py311", "ray-rl", []),
    ],
)
def test_a_misfit_differs_in_the_one_thing_that_it_is_for(
    cell: str, image: str, misfits: list[str]
) -> None:
    ray, _, python = cell.partition("-py3")
    other = Build(image=image, cell=Cell(python=f"3.{python}", ray=ray, device="cpu"))
    plain = Build(image="ray-app", cell=GOOD.request.cell)
    assert list(good._misfits(other, plain)) == misfits


def test_what_a_run_calls_its_own_is_in_no_row() -> None:
    said = "rif-0a1b2c3d4e5f6071-89abcdef-worker-1 at 172.31.0.2 ended\n    its log"
    assert found("launch", why=said).row()["why"] == "…-worker-1 at … ended"


def test_a_table_shows_words_of_a_log_as_they_are() -> None:
    row = {**found("launch").row(), "why": "`a` | <b> [c](d)"}
    assert documented.table([row]).splitlines()[-1] == (
        "| no bash | `launch` | \\`a\\` \\| \\<b\\> \\[c\\](d) |"
    )


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        documented.updated("# Verify\n", [])


def test_the_table_in_the_documentation_is_that_of_the_last_soak() -> None:
    rows = json.loads((FIGURES / "verify.json").read_text("utf-8"))["values"]["table"]
    page = (ROOT / "docs" / "verify.md").read_text("utf-8")
    assert documented.updated(page, rows) == page
