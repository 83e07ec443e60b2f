"""The early look at the engine counts for what was planned last, and for nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from factory.glance import Glance
from factory.ledger import Ledger
from factory.model import Built
from factory.settings import Settings
from tests.unit.test_engine import FakeEngine, images, serving

BUILT = Built(
    key="1" * 64,
    ref="factory.invalid/a:1",
    image_id="sha256:1",
    config_digest="sha256:2",
    substituted_base=True,
    reason="new key",
    at="2026-11-01T00:00:00+00:00",
    seconds=1.0,
)
THERE = {BUILT.ref: BUILT.image_id}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        path = Path(folder, "docker.sock")
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with serving(path) as server:
            yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"FACTORY_ROOT": str(tmp_path), "HOME": str(tmp_path)})


def remember(settings: Settings) -> None:
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        ledger.record_planned({"a:cell": BUILT.key})
        ledger.record_built(BUILT)


def test_what_was_planned_last_and_is_there_is_confirmed(
    fake: FakeEngine, settings: Settings
) -> None:
    remember(settings)
    fake.answers["/images/json"] = images(f"{BUILT.ref}@{BUILT.image_id}")
    assert Glance(settings).confirms(THERE)


def test_what_is_gone_is_not_confirmed(fake: FakeEngine, settings: Settings) -> None:
    remember(settings)
    fake.answers["/images/json"] = images()
    assert not Glance(settings).confirms(THERE)


def test_another_plan_is_not_confirmed(fake: FakeEngine, settings: Settings) -> None:
    remember(settings)
    fake.answers["/images/json"] = images(f"{BUILT.ref}@{BUILT.image_id}")
    other = replace(BUILT, ref="factory.invalid/a:2")
    assert not Glance(settings).confirms({**THERE, other.ref: other.image_id})
    assert not Glance(settings).confirms({BUILT.ref: "sha256:9"})
    assert not Glance(settings).confirms({})


def test_without_a_ledger_nothing_is_asked(fake: FakeEngine, settings: Settings) -> None:
    assert not Glance(settings).confirms(THERE)
    assert not fake.asked
    assert not settings.state.exists()


def test_without_an_engine_nothing_is_confirmed(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    remember(settings)
    assert not Glance(settings).confirms(THERE)
