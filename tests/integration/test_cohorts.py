"""A cohort through the real commands: two images of one cell each, verified together, and published
only then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import Checkout
from tests.integration.one_cell import one_cell, write_image

pytestmark = pytest.mark.engine

ONE, TWO = "mixed:2.60.0-py311-cpu-one", "mixed:2.60.0-py311-cpu-two"
PAIR = "mixed:2.60.0-py311-cpu-one+2.60.0-py311-cpu-two"
IMAGE = """\
source: app
checks: checks.py
overrides:
  - {when: {half: two}, env: {HALF: two}}
"""
CHECKS = """\
import os

import ray


def check_halves(expected):
    if expected.workers is not None:
        asked = ray.remote(num_cpus=1)(lambda: os.environ.get("HALF", "one"))
        assert ray.get(asked.remote()) == "two"
"""
BROKEN = CHECKS.replace('== "two"', '== "three"')


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    with one_cell(tmp_path_factory.mktemp("mixed")) as made:
        write_image(made, "mixed", IMAGE, {"checks.py": CHECKS, "app/main.py": "print(1)\n"})
        set_cohorts(made, both={"head": {"half": "one"}, "workers": {"half": "two"}})
        yield made


def set_cohorts(checkout: Checkout, **cohorts: object) -> None:
    file = checkout.root / "matrix.yaml"
    matrix = yaml.safe_load(file.read_text())
    matrix["axes"]["half"] = ["one", "two"]
    matrix["cohorts"] = cohorts
    file.write_text(yaml.safe_dump(matrix))


def states(checkout: Checkout, *arguments: str, expect: int = 0) -> dict[str, str]:
    return {
        name: one["state"]
        for name, one in checkout.outcomes(*arguments, expect=expect).items()
        if one["verb"] in ("verify", "publish")
    }


def test_both_builds_are_published_once_their_pair_has_passed_and_neither_before(
    mixed: Checkout,
) -> None:
    alone = mixed.outcomes("release", "--only", ONE, expect=6)
    refused = alone[f"publish {ONE} → local"]
    assert refused["state"] == "failed"
    assert f"{PAIR}: there is no verify verdict" in " ".join(refused["detail"])
    (mixed.root / "images" / "mixed" / "checks.py").write_text(BROKEN)
    failed = states(mixed, "release", expect=5)
    assert failed == {
        f"verify {ONE}": "done",
        f"verify {TWO}": "done",
        f"verify {PAIR}": "failed",
        f"publish {ONE} → local": "blocked",
        f"publish {TWO} → local": "blocked",
    }
    logs = mixed.settings.state / "logs" / PAIR.replace(":", "_")
    assert len(list(logs.glob("*/raylet.out"))) == 3
    (mixed.root / "images" / "mixed" / "checks.py").write_text(CHECKS)
    document = mixed.json("release")
    assert [(one["pair"], one["state"]) for one in document["pairs"]] == [(PAIR, "done")]
    assert document["totals"]["done"] == 2
    assert states(mixed, "release") == dict.fromkeys(failed, "cached")
    assert states(mixed, "release", "--only", ONE) == {
        f"verify {ONE}": "cached",
        f"publish {ONE} → local": "cached",
    }
    assert not mixed.leftovers()


def test_a_cohort_that_names_no_cell_fails_alone(mixed: Checkout) -> None:
    good = {"head": {"half": "one"}, "workers": {"half": "two"}}
    typo = {"head": {"half": "three"}, "workers": {"half": "four"}}
    set_cohorts(mixed, both=good, typo=typo)
    assert "typo" in mixed.invoke("matrix").stdout
    outcomes = mixed.outcomes("release", expect=2)
    assert outcomes["verify cohort typo"]["code"] == 2
    assert "axis half has no value" in outcomes["verify cohort typo"]["reason"]
    others = {one["state"] for name, one in outcomes.items() if name != "verify cohort typo"}
    assert others <= {"done", "cached"}
    set_cohorts(mixed, both=good)


def test_a_pair_of_two_rays_is_shown_as_refused_and_booted_by_nobody(tmp_path: Path) -> None:
    with one_cell(tmp_path, rays=("2.60.0", "2.55.1")) as project:
        write_image(project, "mixed", IMAGE, {"checks.py": CHECKS, "app/main.py": "print(1)\n"})
        rays = {"head": {"ray": "2.60.0"}, "workers": {"ray": "2.55.1"}}
        set_cohorts(project, rays=rays)
        table = project.invoke("matrix").stdout
        assert "refused: Ray is 2.60.0 on the head and 2.55.1 on the workers" in table
        [pair] = project.json("plan", "--only", "*-one")["pairs"]
        assert pair["refused"]
