"""What a killed run left is removed by the next one; what a living or foreign one has is not."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory import process
from factory.engine import Engine, Kind
from factory.runs import LABEL, Run, reap
from factory.settings import Settings
from tests.integration.registries import Workshop, settings_at

pytestmark = pytest.mark.engine

OWNER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.integration.registries import settings_at
from factory.runs import Run
with Run.begin(settings_at(Path(sys.argv[2]), 1)) as run:
    print(run.id, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_at(tmp_path, 1)


@pytest.fixture
def engine() -> Engine:
    return Engine.connect()


@pytest.fixture
def image(tmp_path: Path, engine: Engine) -> Iterator[str]:
    workshop = Workshop(folder=tmp_path, engine=engine, name=f"reap-{secrets.token_hex(4)}")
    yield workshop.built("x").ref
    workshop.clean()


class Leftovers:
    """One container, network and volume under a run's label."""

    def __init__(self, engine: Engine, image: str) -> None:
        self.engine = engine
        self.image = image
        self.runs: set[str] = set()

    def make(self, run: str) -> None:
        self.runs.add(run)
        label = f"--label={LABEL}={run}"
        name = f"reap-test-{run}"
        process.run(["docker", "network", "create", "--internal", label, name])
        process.run(["docker", "volume", "create", label, name])
        argv = ["docker", "create", label, f"--name={name}", f"--network={name}"]
        process.run([*argv, f"--volume={name}:/data", self.image])

    def kinds(self, run: str) -> set[Kind]:
        return {one.kind for one in self.engine.resources(f"{LABEL}={run}")}


@pytest.fixture
def leftovers(engine: Engine, image: str) -> Iterator[Leftovers]:
    found = Leftovers(engine, image)
    yield found
    for run in found.runs:
        for one in engine.resources(f"{LABEL}={run}"):
            engine.remove(one)


def owner(tmp_path: Path) -> tuple[subprocess.Popen[str], str]:
    """Another factory with a run of its own, and the run's id."""
    argv = [sys.executable, "-c", OWNER, str(Path(__file__).parent), str(tmp_path)]
    started = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert started.stdout
    return started, started.stdout.readline().strip()


def test_a_living_run_keeps_what_it_has_and_a_killed_one_loses_it(
    tmp_path: Path, settings: Settings, engine: Engine, leftovers: Leftovers
) -> None:
    other, run = owner(tmp_path)
    leftovers.make(run)
    assert reap(engine, settings) == ()
    assert leftovers.kinds(run) == set(Kind)
    other.send_signal(signal.SIGKILL)
    other.wait()
    removed = reap(engine, settings)
    assert {line.split()[0] for line in removed} == {kind.value for kind in Kind}
    assert leftovers.kinds(run) == set()
    assert reap(engine, settings) == ()


def test_what_a_killed_run_started_may_make_things_after_it_was_seen_dead(
    tmp_path: Path, settings: Settings, engine: Engine, leftovers: Leftovers
) -> None:
    other, run = owner(tmp_path)
    other.kill()
    other.wait()
    for _ in range(2):
        reap(engine, settings)
        leftovers.make(run)
        assert len(reap(engine, settings)) == len(Kind)
    assert leftovers.kinds(run) == set()


def test_a_dead_run_is_forgotten_ten_minutes_later_and_only_if_nothing_of_it_is_found(
    settings: Settings, engine: Engine, leftovers: Leftovers
) -> None:
    with Run.begin(settings) as run:
        pass
    reap(engine, settings)
    mark = settings.runs / f"{run.id}.dead"
    later = time.time() - 601
    os.utime(mark, (later, later))
    leftovers.make(run.id)
    assert len(reap(engine, settings)) == len(Kind)
    assert mark.exists()
    assert reap(engine, settings) == ()
    assert not list(settings.runs.glob(f"{run.id}.*"))


def test_what_bears_the_id_of_no_run_here_is_left_alone(
    settings: Settings, engine: Engine, leftovers: Leftovers
) -> None:
    foreign = secrets.token_hex(8)
    leftovers.make(foreign)
    with Run.begin(settings):
        pass
    reap(engine, settings)
    assert leftovers.kinds(foreign) == set(Kind)


def test_a_run_does_not_reap_itself(
    settings: Settings, engine: Engine, leftovers: Leftovers
) -> None:
    with Run.begin(settings) as run:
        leftovers.make(run.id)
        assert reap(engine, settings) == ()
        assert leftovers.kinds(run.id) == set(Kind)
    reap(engine, settings)
    assert leftovers.kinds(run.id) == set()


def test_what_a_run_that_ended_in_order_failed_to_remove_is_removed_by_the_next(
    settings: Settings, engine: Engine, leftovers: Leftovers
) -> None:
    with Run.begin(settings) as run:
        leftovers.make(run.id)
    with Run.begin(settings):
        reap(engine, settings)
    assert leftovers.kinds(run.id) == set()


def test_a_run_that_begins_while_others_reap_is_never_taken_for_dead(settings: Settings) -> None:
    """Without an engine: with nothing dead in reach, reaping must not ask one for more."""
    stop = threading.Event()

    class Nothing(Engine):
        def __init__(self) -> None:
            pass

        def resources(self, label: str) -> tuple[()]:
            return ()

    def reaper() -> None:
        while not stop.is_set():
            reap(Nothing(), settings)

    threads = [threading.Thread(target=reaper) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            with Run.begin(settings) as run:
                time.sleep(0.002)
                assert (settings.runs / f"{run.id}.lock").exists()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
