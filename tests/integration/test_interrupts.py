"""Whatever ends a run, nothing of it stays behind: Ctrl-C cleans up, a kill is cleaned up after."""

from __future__ import annotations

import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factory import process
from factory.engine import Engine
from factory.runs import reap
from tests.integration.conftest import REPOSITORY, Checkout, add_image, make_checkout

pytestmark = pytest.mark.engine

ONE_CELL = ("--only", "2.60.0-py311-cpu")


def wait_for(condition: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.2)


@pytest.fixture
def built(tmp_path: Path, shipped: Checkout) -> Iterator[Checkout]:
    """A project whose only image is built, and not yet verified; its lock folder is its own."""
    made = make_checkout(tmp_path, images=False)
    add_image(made, "stopped", {"main.py": "print(1)\n"})
    made.invoke("build", *ONE_CELL)
    yield made
    reap(Engine.connect(), made.settings)  # what a killed run left would hold on to the image
    for ref in made.refs().values():
        subprocess.run(["docker", "image", "rm", "--force", ref], capture_output=True, check=False)
    made.close()


def start(checkout: Checkout, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        checkout.argv(*arguments),
        cwd=REPOSITORY,
        env=checkout.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_ctrl_c_while_a_cluster_runs_leaves_nothing(built: Checkout) -> None:
    running = start(built, "verify", *ONE_CELL)
    wait_for(lambda: len(built.leftovers()) >= 3)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=180)
    assert running.returncode == 130, err
    assert "Traceback" not in out + err
    assert not built.leftovers()


def test_clusters_of_several_builds_run_at_once_and_ctrl_c_takes_all_down(built: Checkout) -> None:
    add_image(built, "second", {"main.py": "print(2)\n"})
    built.invoke("build", *ONE_CELL)
    built.extra["FACTORY_CLUSTERS"] = "2"
    running = start(built, "verify", *ONE_CELL)
    wait_for(lambda: len(_heads(built)) == 2)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=180)
    assert running.returncode == 130, err
    assert "Traceback" not in out + err
    assert not built.leftovers()


def _heads(checkout: Checkout) -> list[str]:
    """The clusters' heads that there are now."""
    ids = checkout.leftovers()
    argv = ["docker", "inspect", "--format", "{{.Name}}", *ids]
    names = process.run(argv, check=False).stdout.split() if ids else []
    return [name for name in names if name.endswith("-head-1")]


def test_ctrl_c_while_building_leaves_the_tree_usable(built: Checkout) -> None:
    add_image(built, "slow", {"main.py": "print(2)\n"})
    template = built.root / "dockerfiles" / "app.Dockerfile.j2"
    whole = template.read_text()
    mark = secrets.token_hex(4)  # else BuildKit may know the layer from a run before
    template.write_text(f"{whole}RUN : {mark} && sleep 120\n")
    running = start(built, "build", *ONE_CELL, "--image", "slow")
    log = built.root / ".factory" / "logs"
    wait_for(lambda: any("sleep 120" in file.read_text() for file in log.glob("build-slow*")))
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=180)
    assert running.returncode == 130, err
    template.write_text(whole)
    built.invoke("build", *ONE_CELL)


def test_what_a_killed_run_left_is_removed_by_the_next(built: Checkout) -> None:
    running = start(built, "verify", *ONE_CELL)
    wait_for(lambda: len(built.leftovers()) >= 3)
    running.kill()
    running.wait()
    left = built.leftovers()
    assert left
    outcomes = built.outcomes("verify", *ONE_CELL)
    assert [one["state"] for one in outcomes.values()] == ["done"]
    there = [one for one in left if process.run(["docker", "inspect", one], check=False).code == 0]
    assert not there


def test_ledger_survives_a_kill_in_mid_run(built: Checkout) -> None:
    key = built.json("status")["builds"][0]["key"]
    running = start(built, "release", *ONE_CELL)
    time.sleep(3)
    running.kill()
    running.wait()
    [build] = built.json("status")["builds"]
    assert build["key"] == key
    assert build["built_at"]
    assert build["published"] == []
