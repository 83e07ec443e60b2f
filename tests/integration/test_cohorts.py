"""A cohort through the real commands: two images of one cell each, verified together, and published
only then."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import Checkout
from tests.integration.one_cell import one_cell, write_image

pytestmark = [pytest.mark.engine, pytest.mark.long]

ONE, TWO = "mixed:2.60.0-py311-cpu-one", "mixed:2.60.0-py311-cpu-two"
PAIR = "mixed:2.60.0-py311-cpu-one+2.60.0-py311-cpu-two"
GOOD = {"head": {"half": "one"}, "workers": {"half": "two"}}
SOLVED = "source: app\nchecks: checks.py\noverrides:\n- {when: {half: two}, env: {HALF: two}}\n"
CONTRARY = SOLVED.replace("env: {HALF: two}", "requirements: two.txt")
FILES = {
    "app/main.py": "print(1)\n",
    "two.txt": "numpy==2.4.6\n",
    "checks.py": """\
import os

import ray


def check_halves(expected):
    if expected.workers is not None:
        asked = ray.remote(num_cpus=1)(lambda: os.environ.get("HALF", "one"))
        assert ray.get(asked.remote()) == "two"
        assert "HALF" not in os.environ
""",
}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    with one_cell(tmp_path_factory.mktemp("mixed")) as made:
        write_image(made, "mixed", CONTRARY, FILES)
        set_cohorts(made, "contract", both=GOOD)
        yield made


def set_cohorts(checkout: Checkout, suite: str, **cohorts: object) -> None:
    file = checkout.root / "matrix.yaml"
    matrix = yaml.safe_load(file.read_text())
    matrix["axes"]["half"] = ["one", "two"]
    matrix["cohorts"] = cohorts
    matrix["verify"] = {"workers": 1, "suite": suite}
    file.write_text(yaml.safe_dump(matrix))


def states(checkout: Checkout, *arguments: str, expect: int = 0) -> dict[str, str]:
    return {
        name: one["state"]
        for name, one in checkout.outcomes(*arguments, expect=expect).items()
        if one["verb"] in ("verify", "publish")
    }


def cell_of(build: str) -> str:
    return build.partition(":")[2]


def test_neither_build_of_a_pair_that_contradicts_itself_is_published(mixed: Checkout) -> None:
    outcomes = mixed.outcomes("release", expect=5)
    pair = outcomes[f"verify {PAIR}"]
    assert pair["reason"] == f"{PAIR}: refused: numpy is none on the head and 2.4.6 on the workers"
    assert {name: outcomes[name]["state"] for name in outcomes if "mixed:" in name} == {
        f"scan {ONE}": "done",
        f"verify {ONE}": "done",
        f"scan {TWO}": "done",
        f"verify {TWO}": "done",
        f"verify {PAIR}": "failed",
        f"publish {ONE} → local": "blocked",
        f"publish {TWO} → local": "blocked",
    }
    refused, waits = mixed.outcomes("publish", "--only", ONE, expect=6).values()
    assert (waits["verb"], waits["subject"], waits["state"]) == ("move", "both", "blocked")
    assert f"{PAIR}: verify check `pair-serialization` failed" in " ".join(refused["detail"])


def test_both_builds_are_published_once_their_pair_has_passed(mixed: Checkout) -> None:
    write_image(mixed, "mixed", SOLVED, FILES)
    set_cohorts(mixed, "quick", both=GOOD)
    document = mixed.json("release")
    assert [(one["pair"], one["state"]) for one in document["pairs"]] == [(PAIR, "done")]
    assert document["totals"]["done"] == 2
    [moved] = document["moves"]
    tags = {one["tag"].rpartition(":")[2] for one in moved["tags"]}
    assert (moved["group"], moved["stage"], tags) == ("both", "done", {*map(cell_of, (ONE, TWO))})
    assert moved["window_seconds"] > 0
    assert all(one["moved"] for one in moved["tags"])
    again = states(mixed, "release")
    assert set(again.values()) == {"cached"}
    assert len(again) == 5
    assert states(mixed, "release", "--only", ONE) == {
        f"verify {ONE}": "cached",
        f"publish {ONE} → local": "cached",
    }
    assert f"{TWO}  pass" in mixed.invoke("status").stdout
    assert not mixed.leftovers()


def test_a_lost_ledger_takes_verdicts_of_a_pair_too_from_where_it_is_published(
    mixed: Checkout,
) -> None:
    """Its images are in the engine still."""
    state = mixed.settings.state
    aside = state.rename(state.with_name("aside"))
    try:
        found = states(mixed, "release")
    finally:
        shutil.rmtree(state)
        aside.rename(state)
    verified = {name: one for name, one in found.items() if name.startswith("verify ")}
    assert verified == dict.fromkeys((f"verify {ONE}", f"verify {TWO}", f"verify {PAIR}"), "cached")


def test_tags_that_a_run_made_stay_where_the_registry_deletes_none(mixed: Checkout) -> None:
    for _ in range(2):  # the second time the same is tried once more
        said = mixed.invoke("rollback", expect=6).stdout
        assert "0 tags put back, but 2 that did not exist before stay" in said
        assert said.count("the registry does not delete tags") == 2
    assert " rolled back " in mixed.invoke("runs").stdout
    assert "nothing is unfinished" in mixed.invoke("publish", "--resume").stdout


def test_a_cohort_that_names_no_cell_fails_alone(mixed: Checkout) -> None:
    typo = {"head": {"half": "three"}, "workers": {"half": "four"}}
    set_cohorts(mixed, "quick", both=GOOD, typo=typo)
    assert "typo" in mixed.invoke("matrix").stdout
    outcomes = mixed.outcomes("release", expect=2)
    assert outcomes["verify cohort typo"]["code"] == 2
    assert "axis half has no value" in outcomes["verify cohort typo"]["reason"]
    others = {one["state"] for name, one in outcomes.items() if name != "verify cohort typo"}
    assert others == {"cached"}


def test_a_pair_of_two_rays_is_shown_as_refused_and_booted_by_nobody(tmp_path: Path) -> None:
    with one_cell(tmp_path, rays=("2.60.0", "2.55.1")) as project:
        write_image(project, "mixed", SOLVED, FILES)
        rays = {"head": {"ray": "2.60.0"}, "workers": {"ray": "2.55.1"}}
        set_cohorts(project, "quick", rays=rays)
        table = project.invoke("matrix").stdout
        assert "refused: Ray is 2.60.0 on the head and 2.55.1 on the workers" in table
        [pair] = project.json("plan", "--only", "*-one")["pairs"]
        assert pair["refused"]
