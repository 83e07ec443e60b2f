"""Pairs explained: what a release would do with two builds together, and how they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.errors import ConfigError
from factory.explaining import explain_pairs, meant
from factory.history import History
from factory.judging import possible_pair_parts
from factory.ledger import Ledger
from factory.model import (
    Action,
    Built,
    Foreseen,
    Gate,
    PairExplanation,
    Selection,
    Status,
    Verdict,
    pair_digest,
)
from factory.pipeline import Prepared, prepare
from factory.report import documents, explanation_text
from factory.settings import Settings
from tests.conftest import MATRIX

HEAD, WORKERS = "demo:2.60.0-py311-gpu", "demo:2.60.0-py311-cpu"
PAIR = "demo:2.60.0-py311-gpu+2.60.0-py311-cpu"
AT = "2026-11-21T08:29:00+00:00"
COHORTS = """
cohorts:
  gpu-head: {head: {device: gpu, ray: "2.60.0"}, workers: {device: cpu}}
  rays: {head: {ray: "2.60.0", device: cpu}, workers: {ray: "2.55.1", device: cpu}}
  typo: {head: {device: gqu}, workers: {device: cpu}}
"""


@pytest.fixture
def settings(tree: Path) -> Settings:
    devices = MATRIX.replace('"2.55.1"]', '"2.55.1"]\n  device: [cpu, gpu]')
    devices = devices.replace('latest: {ray: "2.60.0"}', "devices: {gpu: {cuda: cuda130}}")
    (tree / "matrix.yaml").write_text(devices + COHORTS)
    return Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(tree / "home")})


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings.state / "ledger.sqlite") as opened:
        yield opened


def make(settings: Settings, ledger: Ledger, *builds: str) -> None:
    """Record that builds were made as they are planned now."""
    prepared = prepare(settings, Selection(only=builds))
    history = History(plan=prepared.plan, contents=prepared.contents, ledger=ledger)
    for step in prepared.plan.steps.values():
        built = Built(
            key=step.key, ref=step.ref, image_id=f"sha256:{step.key[:8]}",
            config_digest=f"sha256:{step.key}", substituted_base=True, reason="", at=AT,
            seconds=1.0,
        )  # fmt: skip  # only there to be remembered
        history.record(step, built)


def judge(settings: Settings, ledger: Ledger, status: Status = Status.PASS) -> None:
    """Record a verdict of today on the pair."""
    prepared = prepare(settings, Selection(only=(HEAD, WORKERS)))
    planned = {one.build.id: one for one in prepared.plan.builds}
    head, workers = (ledger.built(planned[name].key) for name in (HEAD, WORKERS))
    assert head
    assert workers
    (pair,) = meant(prepared.project, PAIR)[1]
    basis, parts = list(
        possible_pair_parts(settings, prepared.project, pair, planned[HEAD], (head, workers))
    )[-1]
    images = (head.config_digest, workers.config_digest)
    verdict = Verdict(
        gate=Gate.VERIFY, config_digest=pair_digest(*images), basis=basis, status=status, at=AT,
        images=images,
    )  # fmt: skip  # only there to be remembered
    ledger.record_verdict(verdict, parts)


def explained(settings: Settings, name: str = PAIR) -> PairExplanation:
    prepared = prepared_for(settings, name)
    pairs = meant(prepared.project, name)[1]
    (found,) = explain_pairs(settings, prepared.project, prepared.plan, prepared.contents, pairs)
    return found


def prepared_for(settings: Settings, name: str) -> Prepared:
    builds = meant(prepare(settings, Selection()).project, name)[0]
    return prepare(settings, Selection(only=tuple(build.id for build in builds)))


def test_a_pair_waits_for_the_image_that_is_not_there(settings: Settings, ledger: Ledger) -> None:
    both = f"there will be another image of {HEAD} and of {WORKERS}"
    assert explained(settings).gate.why == both
    make(settings, ledger, HEAD)
    assert explained(settings).gate.why == f"there will be another image of {WORKERS}"


def test_a_pair_whose_images_were_never_tried_together_is_verified(
    settings: Settings, ledger: Ledger
) -> None:
    make(settings, ledger, HEAD, WORKERS)
    gate = explained(settings).gate
    assert (gate.gate, gate.action, gate.why) == ("verify", Action.AGAIN, "no verdict yet")


def test_a_pair_that_passed_is_kept(settings: Settings, ledger: Ledger) -> None:
    make(settings, ledger, HEAD, WORKERS)
    judge(settings, ledger)
    gate = explained(settings).gate
    assert (gate.action, gate.at) == (Action.KEEP, AT)


def test_a_pair_that_failed_is_tried_anew(settings: Settings, ledger: Ledger) -> None:
    make(settings, ledger, HEAD, WORKERS)
    judge(settings, ledger, Status.FAIL)
    gate = explained(settings).gate
    assert gate.action is Action.AGAIN
    assert gate.why.endswith("a failure is tried anew")


def test_it_is_said_what_the_verdict_of_a_pair_no_longer_rests_on(
    settings: Settings, ledger: Ledger
) -> None:
    make(settings, ledger, HEAD, WORKERS)
    judge(settings, ledger)
    matrix = settings.root / "matrix.yaml"
    matrix.write_text(matrix.read_text() + "verify: {workers: 3}\n")
    gate = explained(settings).gate
    assert (gate.action, gate.why) == (Action.AGAIN, "topology: nodes 3 → 4")


def test_a_pair_that_must_not_work_is_refused(settings: Settings, ledger: Ledger) -> None:
    make(settings, ledger, WORKERS, "demo:2.55.1-py311-cpu")
    gate = explained(settings, "rays").gate
    assert gate.why == "refused: Ray is 2.60.0 on the head and 2.55.1 on the workers"


@pytest.mark.parametrize("name", [PAIR, "gpu-head", "*gpu+*"])
def test_a_pair_is_explained_by_its_own_name_and_its_cohorts(settings: Settings, name: str) -> None:
    builds, pairs = meant(prepare(settings, Selection()).project, name)
    assert {build.id for build in builds} == {HEAD, WORKERS}
    assert [pair.id for pair in pairs] == [PAIR]


def test_builds_bring_the_pairs_of_which_both_are_asked_for(settings: Settings) -> None:
    project = prepare(settings, Selection()).project
    assert [pair.id for pair in meant(project, "*2.60.0*")[1]] == [PAIR]
    assert meant(project, HEAD)[1] == ()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("demo:2.60.0-py311-gpu+2.60.0-py311", f"did you mean {PAIR}"),
        ("gpu-heads", "did you mean gpu-head"),
        ("2.60.0-py311", "did you mean `2.60.0-py311*`?"),
        ("typo", "axis device has no value 'gqu'"),
    ],
)
def test_a_name_that_nothing_has_is_answered(settings: Settings, name: str, says: str) -> None:
    project = prepare(settings, Selection()).project
    with pytest.raises(ConfigError) as raised:
        meant(project, name)
    assert says in str(raised.value)


def test_pairs_follow_the_builds_in_text_and_json() -> None:
    gate = Foreseen(gate="verify", action=Action.KEEP, why="11 checks passed", at=AT)
    pair = PairExplanation(pair_id=PAIR, cohort="gpu-head", gate=gate)
    text = explanation_text([], [pair])
    assert text == f"{PAIR}\n  verify  keep     11 checks passed (2026-11-21T08:29)"
    found: dict[str, Any] = documents.explanation([], [pair])
    assert found["pairs"] == [
        {
            "id": PAIR,
            "cohort": "gpu-head",
            "gates": [{"gate": "verify", "action": "keep", "why": ["11 checks passed"], "at": AT}],
        }
    ]
