"""The clock of the cold start: what it starts, what it measures, and what it makes of that."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from factory.compose import Container
from factory.model import (
    COLD_START,
    COLD_SUITE,
    THROTTLED,
    Budget,
    Cell,
    Check,
    CheckStatus,
    Gate,
    Status,
    Timing,
)
from factory.verify import ClusterRequest, basis, cold, gate_of
from factory.verify.cold import RUNS, SCALES, Stopwatch, judged
from factory.verify.compose import Cluster
from factory.verify.events import line_of
from factory.verify.request import Material
from factory.verify.selection import Selection
from factory.verify.smoke.protocol import PREFIX, Expected
from factory.verify.smoke.suite import COLD, LEVELS, SUITE
from factory.verify.telling import Telling
from factory.verify.verdict import conclude

CPU = Expected(nodes=3, ray="2.60.0", python="3.11")
AFTER = "joined and ran a task after"
PASSED = Check(name=COLD_START, status=CheckStatus.PASS, seconds=30.0)


def container(service: str, number: int, state: str = "created", code: int = 0) -> Container:
    return Container(
        name=f"c-{service}-{number}",
        host=f"{service}{number}",
        service=service,
        state=state,
        health="",
        exit_code=code,
    )


class FakeCluster(Cluster):
    """Containers that are started and removed at once."""

    def __init__(self, request: ClusterRequest) -> None:
        super().__init__(request=request, files=(), run_id="run", project="p")
        object.__setattr__(self, "there", [container("head", 1, "running")])
        object.__setattr__(self, "asked", [])

    there: list[Container]
    asked: list[str]

    def containers(self) -> tuple[Container, ...]:
        return tuple(self.there)

    def start(self, container: Container) -> None:
        self.asked.append(f"start {container.name}")
        at = self.there.index(container)
        self.there[at] = replace(container, state="running")

    def retire(self, container: Container) -> None:
        self.asked.append(f"retire {container.name}")
        self.there[:] = [
            replace(one, state="exited") if one.name == container.name else one
            for one in self.there
        ]

    def log(self, container: Container) -> tuple[str, ...]:
        return (f"the log of {container.name}",)


@pytest.fixture
def request_(tmp_path: Path) -> ClusterRequest:
    for name in ("cluster.yaml", "cold-start.yaml"):
        (tmp_path / name).write_text("services: {}\n")
    return ClusterRequest(
        subject="ray-app:2.60.0-py311-cpu",
        config_digest="sha256:" + "a" * 64,
        head_ref="ray-app:1",
        worker_ref="ray-app:1",
        cell=Cell(python="3.11", ray="2.60.0", device="cpu"),
        compose_file=tmp_path / "cluster.yaml",
        suite=COLD_SUITE,
        budget=Budget(full=20, throttled=60),
    )


@pytest.fixture
def cluster(request_: ClusterRequest) -> FakeCluster:
    made = FakeCluster(request_)
    waiting = (container("worker", 1), container("worker", 2), container("throttled", 1))
    made.there.extend(waiting)
    return made


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(cold, "time", made)
    return made


# ----------------------------------------------------------------- the clock


def test_each_worker_is_started_once_timed_and_retired(cluster: FakeCluster, clock: Clock) -> None:
    watch = Stopwatch(cluster=cluster)
    for seconds in (4.0, 5.5):
        watch.disturb("begin", "worker")
        clock.now += seconds
        watch.disturb("ran", "worker")
    assert cluster.asked == [
        "start c-worker-1",
        "retire c-worker-1",
        "start c-worker-2",
        "retire c-worker-2",
    ]
    watch.disturb("begin", "throttled")
    clock.now += 12
    watch.disturb("ran", "throttled")
    assert cluster.asked[4:] == ["start c-throttled-1", "retire c-throttled-1"]
    assert watch._taken == [4.0, 5.5, 12.0]
    assert watch.retired == {"c-worker-1", "c-worker-2", "c-throttled-1"}


@pytest.mark.parametrize(
    ("what", "service"),
    [("kill", "head"), ("start", "worker1"), ("begin", "head"), ("begin", "c-head-1"), ("ran", "")],
)
def test_nothing_else_that_an_image_asks_for_is_done(
    cluster: FakeCluster, what: str, service: str
) -> None:
    Stopwatch(cluster=cluster).disturb(what, service)
    assert cluster.asked == []


def test_one_worker_runs_at_a_time_and_none_beyond_those_that_wait(cluster: FakeCluster) -> None:
    watch = Stopwatch(cluster=cluster)
    watch.disturb("begin", "worker")
    watch.disturb("begin", "throttled")
    assert cluster.asked == ["start c-worker-1"]
    cluster.there[:] = cluster.there[:1]
    watch.disturb("ran", "worker")
    watch.disturb("begin", "worker")
    assert cluster.asked[1:] == ["retire c-worker-1"]


def test_a_result_is_of_its_own_check_alone(cluster: FakeCluster) -> None:
    watch = Stopwatch(cluster=cluster, _taken=[3.0, 4.0, 5.0])
    assert watch.settled(PASSED).timing == Timing(seconds=4.0, runs=(3.0, 4.0, 5.0), budget=20)
    again = watch.settled(replace(PASSED, name=THROTTLED))
    assert (again.status, again.timing) == (CheckStatus.FAIL, None)


def test_a_worker_that_came_to_nothing_has_its_last_words(cluster: FakeCluster) -> None:
    cluster.there[1] = container("worker", 1, "exited", 9)
    cluster.there[2] = container("worker", 2, "exited")
    failed = replace(PASSED, status=CheckStatus.FAIL, reason="the worker ended before it joined")
    check = Stopwatch(cluster=cluster, retired={"c-worker-2"}).settled(failed)
    assert check.detail == ("c-worker-1 ended with exit code 9", "the log of c-worker-1")
    assert check.reason == failed.reason


def test_what_the_factory_makes_of_a_result_is_the_result(
    request_: ClusterRequest, cluster: FakeCluster, clock: Clock
) -> None:
    watch, log = Stopwatch(cluster=cluster), list[str]()
    telling = Telling.of(
        request_, Material.of(request_), [THROTTLED], log.append, watch.disturb, watch.settled
    )

    def say(event: str, **fields: object) -> None:
        line = json.dumps({"event": event, **fields})
        telling.hear(f"{PREFIX}{telling.transcript.nonce} {line}")

    say("plan", checks=[THROTTLED])
    say("begin", check=THROTTLED)
    say("ask", what="begin", host="throttled")
    clock.now += 61.5
    say("ask", what="ran", host="throttled")
    say("end", check=THROTTLED, seconds=70, status="pass", reason="", detail=[])
    say("done")
    (check,) = telling.transcript.checks()
    assert check.status is CheckStatus.FAIL
    assert check.reason == "joined and ran a task after 61.5 s, the budget is 60 s"
    assert log[-1] == f"{THROTTLED} fail 70.0 s: {check.reason}"


# --------------------------------------------------------------- the verdict


@pytest.mark.parametrize(
    ("taken", "budget", "status", "reason"),
    [
        ((31.2, 40.0, 30.0), 20, "fail", f"{AFTER} 31.2 s, the budget is 20 s"),
        ((20.0, 20.0, 20.0), 20, "pass", ""),
        (
            (2.0, 20.04, 90.0),
            20,
            "fail",
            f"{AFTER} 20.040 s, the budget is 20 s",
        ),
        ((2.0, 3.0, 90.0), 2.5, "fail", f"{AFTER} 3.0 s, the budget is 2.5 s"),
        ((900.0, 900.0, 900.0), None, "pass", ""),
        ((1.0, 1.0), 20, "fail", "it was measured 2 times, not 3"),
        ((), None, "fail", "it was measured 0 times, not 3"),
    ],
)
def test_the_median_is_held_to_the_budget(
    taken: tuple[float, ...], budget: float | None, status: str, reason: str
) -> None:
    check = judged(PASSED, taken, budget)
    assert (check.status.value, check.reason) == (status, reason)
    assert check.seconds == 30.0, "the check's own time is another figure"
    assert (check.timing is None) == reason.startswith("it was measured")


def test_who_watches_is_told_the_figure() -> None:
    assert line_of(judged(PASSED, (4.0, 4.0, 4.0), None)) == (
        "cold-start pass 30.0 s: joined and ran a task after 4.0 s"
    )


def test_its_verdict_is_of_a_gate_of_its_own(request_: ClusterRequest) -> None:
    checks = [judged(PASSED, (4.0, 4.0, 4.0), 20)]
    verdict = conclude(request_, basis="b", checks=checks, seconds=60, at="now")
    assert (verdict.gate, verdict.status) == (Gate.COLD_START, Status.PASS)
    assert {gate_of(suite) for suite in LEVELS} == {Gate.VERIFY}


# ----------------------------------------------------------------- the suite


def test_the_suite_asks_for_the_cold_start_and_nothing_else() -> None:
    own = [replace(SUITE[-1], name="own:it", level="quick", own=True)]
    selection = Selection.of(CPU, own, gpus=False, suite=COLD)
    assert selection.names == (COLD_START, THROTTLED) == tuple(RUNS)
    assert (selection.contract, selection.alone, selection.skipped) == ((), (), ())
    others = [Selection.of(CPU, (), gpus=False, suite=suite) for suite in LEVELS]
    assert not {COLD_START, THROTTLED} & {name for one in others for name in one.names}


def test_each_check_may_ask_for_as_many_workers_as_are_measured() -> None:
    specs = {spec.name: spec for spec in SUITE}
    assert {name: specs[name].asks for name in RUNS} == {
        name: 2 * times for name, times in RUNS.items()
    }
    assert sum(SCALES.values()) == sum(RUNS.values())


def test_the_budget_belongs_to_what_this_verdict_rests_on_and_to_no_other(
    request_: ClusterRequest,
) -> None:
    other = Budget(full=21, throttled=60)
    assert basis(replace(request_, budget=other)) != basis(request_)
    quick = replace(request_, suite="quick")
    assert basis(replace(quick, budget=other)) == basis(quick)


def test_workers_that_are_timed_get_no_gpu(request_: ClusterRequest) -> None:
    cell = replace(request_.cell, device="gpu")
    found = replace(request_, cell=cell, nvidia_runtime=True)
    assert [file.name for file in found.compose_files] == ["cluster.yaml", "cold-start.yaml"]
    assert not found.gpus
