"""What `bench cluster` makes of what it measured."""

from __future__ import annotations

import pytest

from benchmarks import clustering, machine
from factory.engine import Engine
from factory.errors import FactoryError


def test_a_cluster_that_comes_to_another_result_counts_for_nothing() -> None:
    assert clustering._checked("2470\n", 9.5) == 9.5
    for said in ("", "2471\n", "2470\nmore\n"):
        with pytest.raises(FactoryError, match="not 2470"):
            clustering._checked(said, 9.5)


@pytest.mark.parametrize(("ours", "met"), [([12.0, 13.0, 90.0], True), ([13.1] * 3, False)])
def test_medians_are_held_to_the_limit(
    monkeypatch: pytest.MonkeyPatch, ours: list[float], met: bool
) -> None:
    monkeypatch.setattr(machine, "facts", lambda _: {})
    engine = Engine.__new__(Engine)  # asked for nothing
    figure = clustering._figure(engine, ours, [10.0, 10.0, 1.0])
    assert [target.met for target in figure.targets] == [met]
    assert figure.exit_code == (0 if met else 1)
