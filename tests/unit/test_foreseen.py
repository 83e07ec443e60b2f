"""The dry run says what a release would make: by the engine, by targets, by the ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from factory import pipeline
from factory.engine import Engine
from factory.errors import MachineError
from factory.ledger import Ledger
from factory.model import Built, Plan, Publication, Selection, Step
from factory.pipeline import Prepared, foreseen, prepare
from factory.settings import Settings
from factory.stock import seen

ONE = "demo:2.60.0-py311-cpu"
GONE = "unix:///nonexistent.sock"


@pytest.fixture
def settings(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DOCKER_HOST", GONE)
    home = {"FACTORY_ROOT": str(tree), "HOME": str(tree / "home")}
    return Settings.from_environment(home | {"FACTORY_REGISTRY": "127.0.0.1:9"})


@pytest.fixture
def prepared(settings: Settings) -> Prepared:
    return prepare(settings, Selection(only=(ONE,)))


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings.state / "ledger.sqlite") as opened:
        yield opened


def built(step: Step) -> Built:
    return Built(
        key=step.key, ref=step.ref, image_id=f"sha256:{step.key}", config_digest="sha256:c",
        substituted_base=True, reason="first build", at="2026-11-21T08:29:00+00:00", seconds=1.0,
    )  # fmt: skip  # as the ledger has it


def steps(prepared: Prepared) -> dict[str, Step]:
    return {step.name: step for step in prepared.plan.steps.values()}


def engine_has(monkeypatch: pytest.MonkeyPatch, *there: Step) -> None:
    found = {step.ref: ("sha256:i", step.key) for step in there}
    monkeypatch.setattr(pipeline, "seen", lambda *_: found)


def kept(settings: Settings, prepared: Prepared) -> dict[str, str]:
    known = foreseen(settings, prepared, lambda line: pytest.fail(line))
    return {prepared.plan.steps[key].name: why for key, why in known.items()}


def test_what_another_tree_made_is_kept_though_the_ledger_knows_nothing(
    settings: Settings, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_has(monkeypatch, steps(prepared)["base"])
    assert kept(settings, prepared) == {"base": "in the engine, made by another tree"}
    assert not (settings.state / "ledger.sqlite").exists()


def test_what_was_removed_from_the_engine_is_made_again(
    settings: Settings, prepared: Prepared, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in steps(prepared).values():
        ledger.record_built(built(step))
    engine_has(monkeypatch, steps(prepared)["base"])
    assert kept(settings, prepared) == {"base": "built 2026-11-21T08:29: first build"}


def test_what_nothing_needs_is_not_made(
    settings: Settings, prepared: Prepared, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.record_built(built(steps(prepared)["demo"]))
    engine_has(monkeypatch, steps(prepared)["demo"])
    assert kept(settings, prepared) == {
        "base": "not needed: what stands on it is there",
        "runtime": "not needed: what stands on it is there",
        "demo": "built 2026-11-21T08:29: first build",
    }


@pytest.mark.parametrize(("current", "begun"), [(True, True), (False, True), (True, False)])
def test_what_a_target_holds_is_taken_from_there(
    settings: Settings,
    prepared: Prepared,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    current: bool,
    begun: bool,
) -> None:
    """Under this very key, and unless the local registry is one that nothing was published to."""
    key = steps(prepared)["demo"].key if current else "a" * 64
    _publish(ledger, key)
    engine_has(monkeypatch)
    monkeypatch.setattr("factory.publish.local.begun", lambda _: begun)
    idle = "not needed: what stands on it is there"
    taken = {"base": idle, "runtime": idle, "demo": "published at local: taken from there"}
    assert kept(settings, prepared) == (taken if current and begun else {})


def _publish(ledger: Ledger, key: str) -> None:
    publication = Publication(
        build_id=ONE, key=key, target="local", repository="127.0.0.1:9/demo", immutable="i",
        floating=(), manifest_digest="sha256:m", config_digest="sha256:c", at="2026-11-21",
    )  # fmt: skip  # as the ledger has it
    ledger.record_publication(publication)


def test_without_an_engine_the_ledger_alone_tells_and_that_is_said(
    settings: Settings, prepared: Prepared, ledger: Ledger
) -> None:
    said: list[str] = []
    ledger.record_built(built(steps(prepared)["base"]))
    known = foreseen(settings, prepared, said.append)
    assert [prepared.plan.steps[key].name for key in known] == ["base"]
    assert said == ["no engine answers: what is kept is told by the ledger alone"]


def test_where_nothing_was_made_nobody_is_told_of_an_engine(
    settings: Settings, prepared: Prepared
) -> None:
    assert kept(settings, prepared) == {}


def test_a_dry_run_waits_for_no_engine(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()

    def connect() -> Engine:
        never.wait(30)
        raise MachineError("the engine never answered")

    monkeypatch.setattr("factory.stock._PATIENCE", 0.05)
    monkeypatch.setattr(Engine, "connect", connect)
    none: Mapping[str, Built] = {}
    plan: Plan = prepared.plan
    assert seen(plan, none) is None
    never.set()
