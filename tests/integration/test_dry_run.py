"""The dry run and a run go by the same engine: what one shows is what the other makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from factory import process
from factory.engine import Engine
from factory.ledger import Ledger
from factory.model import KEY_LABEL, Selection
from factory.pipeline import Prepared, foreseen, prepare
from factory.plan import steps_to_build
from factory.settings import Settings
from factory.stock import in_engine

pytestmark = pytest.mark.engine


@pytest.fixture
def settings(tree: Path) -> Settings:
    matrix = tree / "matrix.yaml"  # an epoch of its own, so that nobody has made these steps
    matrix.write_text(matrix.read_text().replace('"2026-11"', '"1999-12"'))
    home = {"FACTORY_ROOT": str(tree), "HOME": str(tree / "home")}
    return Settings.from_environment(home | {"FACTORY_REGISTRY": "127.0.0.1:9"})


@pytest.fixture
def prepared(settings: Settings) -> Iterator[Prepared]:
    """A plan whose base and runtime the engine has; this tree's ledger knows nothing of it."""
    found = prepare(settings, Selection(only=("demo:2.60.0-py311-cpu",)))
    made = [step for step in found.plan.steps.values() if step.name in ("base", "runtime")]
    for step in made:
        argv = ["docker", "build", "--tag", step.ref, "--label", f"{KEY_LABEL}={step.key}", "-"]
        process.run(argv, stdin=b"FROM scratch\nLABEL made=elsewhere\n")
    yield found
    process.run(["docker", "rmi", "--force", *(step.ref for step in made)])


def test_what_a_run_finds_in_the_engine_a_dry_run_keeps(
    settings: Settings, prepared: Prepared
) -> None:
    plan = prepared.plan
    kept = foreseen(settings, prepared, pytest.fail)
    assert {plan.steps[key].name: why for key, why in kept.items()} == dict.fromkeys(
        ("base", "runtime"), "in the engine, made by another tree"
    )
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        present = in_engine(Engine.connect(), ledger, plan, None)
    made = {step.key for step in steps_to_build(plan, present, set())}
    assert made == plan.steps.keys() - kept.keys()
