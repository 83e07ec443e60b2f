"""Real workers, timed: one that is slow is caught by its budget, one that ends by its absence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factory import process
from factory.model import COLD_START, COLD_SUITE, THROTTLED, Budget, Cell, CheckStatus, Gate
from factory.verify import ClusterRequest, verify

pytestmark = [pytest.mark.engine, pytest.mark.long]

COMPOSE_FILE = Path(__file__).parents[2] / "compose" / "cluster.yaml"
RUN_ID = f"test-cold-start-{os.getpid()}"
TAG = f"factory.invalid/{RUN_ID}:slow"
SITE = "$(python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))')"


@pytest.fixture
def workers(ray_image: str) -> Iterator[Callable[[str], ClusterRequest]]:
    """Makes a cluster whose workers are a variation of the Ray image, by Dockerfile lines."""

    def made(lines: str) -> ClusterRequest:
        dockerfile = f"FROM {ray_image}\n{lines}\n".encode()
        process.run(["docker", "buildx", "build", "--tag", TAG, "-"], stdin=dockerfile)
        return ClusterRequest(
            subject="ray-app:2.60.0-py311-cpu",
            config_digest="sha256:" + "0" * 64,
            head_ref=ray_image,
            worker_ref=TAG,
            cell=Cell(python="3.11", ray="2.60.0", device="cpu"),
            compose_file=COMPOSE_FILE,
            suite=COLD_SUITE,
            budget=Budget(full=8),
        )

    yield made
    process.run(["docker", "rmi", "--force", TAG], check=False)
    of_this_run = f"label=io.ray-image-factory.run={RUN_ID}"
    for kind in (["ps", "--all"], ["network", "ls"]):
        assert not process.run(["docker", *kind, "--quiet", "--filter", of_this_run]).stdout


def test_a_worker_that_starts_slowly_is_over_its_budget_by_name(
    workers: Callable[[str], ClusterRequest],
) -> None:
    request = workers(f"RUN echo 'import time; time.sleep(1.5)' >{SITE}/at_start.pth")
    said: list[str] = []
    verdict = verify(request, run_id=RUN_ID, log=said.append)
    assert verdict.gate is Gate.COLD_START
    checks = {check.name: check for check in verdict.checks}
    late = checks[COLD_START]
    assert late in verdict.failures
    assert late.timing
    assert (len(late.timing.runs), late.timing.budget) == (3, 8)
    after = f"{late.timing.seconds:.1f} s"
    assert late.reason == f"joined and ran a task after {after}, the budget is 8 s"
    assert list(checks) == ["boot", COLD_START, THROTTLED, "alive"]
    # With a fifth of a core and so slow an image, Ray may give up on a busy machine.
    if throttled := checks[THROTTLED].timing:
        assert throttled.seconds > late.timing.seconds
    else:
        assert checks[THROTTLED] in verdict.failures
    started = [line for line in said if line.startswith("begin ")]
    assert [line.split(",")[0] for line in started] == ["begin worker"] * 3 + ["begin throttled"]


def test_a_worker_that_ends_is_not_waited_for_and_has_its_last_words(
    workers: Callable[[str], ClusterRequest],
) -> None:
    request = workers("RUN printf '#!/bin/bash\\necho no licence >&2\\nexit 9\\n' >$(which ray)")
    verdict = verify(request, run_id=RUN_ID, log=lambda _: None)
    checks = {check.name: check for check in verdict.checks}
    assert checks[COLD_START].reason == "the worker ended before it joined"
    assert checks[COLD_START].seconds < 110
    assert "no licence" in checks[COLD_START].detail
    assert checks[COLD_START].timing is None
    assert checks[THROTTLED].status is CheckStatus.SKIPPED
    assert [check.name for check in verdict.failures] == [COLD_START, "alive"]
