"""`invoke publish` as users call it, to Amazon's registry and a hub at once: who sees secrets, and
what is left of them."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from factory.engine import Engine
from factory.judging import possible_parts
from factory.ledger import Ledger
from factory.model import Built, PlannedBuild, Selection
from factory.pipeline import Prepared, prepare
from factory.registry import Registry
from tests.integration.abroad import ACCOUNT, AMAZON, AMAZONS_TOKEN, REGION, Hub, amazon, hub
from tests.integration.conftest import REPOSITORY, Checkout
from tests.integration.image_content import forms, hits_in_folder
from tests.integration.one_cell import one_cell, write_image
from tests.integration.process_list import watched
from tests.integration.registries import PASSWORD, Workshop, passed

pytestmark = pytest.mark.engine
SECRETS = (
    *forms(PASSWORD),
    *forms(AMAZONS_TOKEN),
    base64.b64encode(f"me:{PASSWORD}".encode()),
    base64.b64encode(f"AWS:{AMAZONS_TOKEN}".encode()),
)


@pytest.fixture
def docker_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Both registries; Docker is logged in at the hub, and AWS's variables are set."""
    with amazon(tmp_path / "amazon", monkeypatch), hub(tmp_path / "hub") as found:
        auth = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        (tmp_path / "docker").mkdir()
        document = {"auths": {found.host: {"auth": auth}}}
        (tmp_path / "docker" / "config.json").write_text(json.dumps(document))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
        yield found


@pytest.fixture
def checkout(docker_hub: Hub, tmp_path: Path) -> Iterator[Checkout]:
    """A project with both targets, whose one build passed: its image is a small one."""
    with one_cell(tmp_path / "tree") as made:
        write_image(made, "demo", "", {"app/main.py": "print(1)\n"})
        file = made.root / "matrix.yaml"
        matrix = yaml.safe_load(file.read_text())
        matrix["targets"] = {
            "prod": {"kind": "ecr", "account": ACCOUNT, "region": REGION, "prefix": "ray"},
            "hub": {"kind": "registry", "address": f"{docker_hub.host}/acme"},
        }
        file.write_text(yaml.safe_dump(matrix))
        workshop = Workshop(folder=tmp_path, engine=Engine.connect(), name="demo")
        _pass(made, workshop)
        yield made
        workshop.clean()


def _pass(checkout: Checkout, workshop: Workshop) -> None:
    """Have a small image in the place of the project's, and a ledger that tells of its verdicts."""
    prepared = prepare(checkout.settings, Selection())
    (planned,) = prepared.plan.builds
    built = workshop.built(os.urandom(8).hex(), planned.key)
    checkout.settings.state.mkdir(exist_ok=True)
    with Ledger.open(checkout.settings.state / "ledger.sqlite") as ledger:
        ledger.record_planned({planned.build.id: planned.key})
        ledger.record_built(built)
        _record_verdicts(checkout, prepared, planned, built, ledger)


def _record_verdicts(
    checkout: Checkout, prepared: Prepared, planned: PlannedBuild, built: Built, ledger: Ledger
) -> None:
    for verdict in passed(built):
        found = possible_parts(checkout.settings, prepared.project, planned, built, verdict.gate)
        for basis, parts in found:
            ledger.record_verdict(replace(verdict, basis=basis), parts)


def left(checkout: Checkout) -> list[Path]:
    return sorted((checkout.settings.cache / "logins").rglob("*"))


def test_both_targets_have_it_and_nobody_has_seen_a_secret(
    checkout: Checkout, docker_hub: Hub
) -> None:
    with watched(SECRETS) as processes:
        document = checkout.json("publish")
    assert {one["state"] for one in document["results"]} == {"done"}
    (build,) = checkout.json("status")["builds"]
    places = {one["target"]: one for one in build["published"]}
    assert places["prod"]["repository"] == f"{AMAZON}/ray/demo"
    assert places["hub"]["repository"] == f"{docker_hub.host}/acme/demo"
    assert places["prod"]["digest"] == places["hub"]["digest"]
    pulls = [one for one in docker_hub.pulls if places["hub"]["immutable"] in one]
    assert len(pulls) == 1, "what was pushed is read back once, and no more"
    assert processes.programs > 1
    assert processes.found == set()
    assert left(checkout) == []
    tokens = tuple(token.encode() for token in docker_hub.tokens)
    assert not hits_in_folder(checkout.root, (*SECRETS, *tokens)), "in a log, or in the ledger"
    docker_hub.asked.clear()
    again = checkout.outcomes("publish")
    assert docker_hub.pulls == [], "where nothing is new, all is asked by HEAD"
    assert {one["state"] for name, one in again.items() if "→" in name} == {"cached"}
    assert left(checkout) == []


def test_a_target_that_wants_a_clean_checkout_gets_nothing_from_another(
    checkout: Checkout, docker_hub: Hub
) -> None:
    file = checkout.root / "matrix.yaml"
    matrix = yaml.safe_load(file.read_text())
    matrix["targets"]["hub"]["require_clean"] = True
    file.write_text(yaml.safe_dump(matrix))
    refused = checkout.invoke("publish", expect=6)
    assert "`hub` wants a clean git checkout: the project is in no git repository" in (
        refused.stdout + refused.stderr
    )
    assert not any(one.startswith(("PUT", "POST")) for one in docker_hub.asked)
    assert left(checkout) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_a_run_no_secret_stays(
    checkout: Checkout, docker_hub: Hub, number: signal.Signals
) -> None:
    child = subprocess.Popen(
        checkout.argv("publish"),
        cwd=REPOSITORY,
        env=checkout.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 180
        while not any(path.name == "config.json" for path in left(checkout)):
            assert time.monotonic() < deadline
            assert child.poll() is None, "it ended before it logged in"
            time.sleep(0.005)
        child.send_signal(number)
        child.wait(180)
    finally:
        child.kill()
        child.wait()
    if number is signal.SIGKILL:
        assert left(checkout), "a killed run cannot delete anything"
        checkout.invoke("publish")  # and the next one does
    assert left(checkout) == []
    checkout.invoke("publish")
    assert Registry().head(f"{docker_hub.host}/acme/demo", "2.60.0-py311-cpu")
    assert left(checkout) == []
