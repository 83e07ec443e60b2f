"""What a run may demand of a verdict beyond what it is."""

from __future__ import annotations

import pytest

from factory.errors import VerifyError
from factory.judging import require_gpu_runtime
from factory.model import NO_DATABASE, NO_RUNTIME, Gate, Status, Verdict


def partial(*reasons: str) -> Verdict:
    status = Status.PARTIAL if reasons else Status.PASS
    return Verdict(
        gate=Gate.VERIFY, config_digest="sha256:1", basis="b", status=status, partial=reasons
    )


def test_who_requires_a_gpu_is_not_content_without_one() -> None:
    with pytest.raises(VerifyError, match=NO_RUNTIME) as refused:
        require_gpu_runtime(partial(NO_RUNTIME), "ray-app:2.60.0-py311-gpu")
    assert refused.value.exit_code == 5
    assert "--require-gpu" in refused.value.todo


@pytest.mark.parametrize("reasons", [(), (NO_DATABASE,)])
def test_nothing_else_is_demanded(reasons: tuple[str, ...]) -> None:
    require_gpu_runtime(partial(*reasons), "ray-app:2.60.0-py311-cpu")
