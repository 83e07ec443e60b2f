"""Ids of cells and builds, read back: the ledger has them of builds that left the matrix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.model import Build, Cell, build_of, cell_of

WORDS = st.from_regex(r"[a-z0-9][a-z0-9.]{0,5}", fullmatch=True).filter(lambda one: one != "rllib")


@given(
    cell=st.builds(
        Cell,
        python=st.sampled_from(["3.9", "3.11", "3.14"]),
        ray=st.sampled_from(["2.60.0", "3.0.0rc1"]),
        device=st.sampled_from(["cpu", "gpu"]),
        rllib=st.booleans(),
        extra=st.lists(st.tuples(st.just("team"), WORDS), max_size=2).map(tuple),
    )
)
def test_an_id_tells_its_cell_but_for_the_names_of_further_axes(cell: Cell) -> None:
    found = build_of(f"ray-app:{cell.id}")
    assert found
    assert found.id == Build(image="ray-app", cell=cell).id
    fixed = ("python", "ray", "device", "rllib")
    assert [found.cell.axes[axis] for axis in fixed] == [cell.axes[axis] for axis in fixed]


@pytest.mark.parametrize(
    "name", ["", "12", "debian:12", "2.60.0-py3-cpu", "2.60.0-py311-tpu", "a:b"]
)
def test_what_is_no_id_tells_none(name: str) -> None:
    assert cell_of(name) is None
    assert build_of(f"ray-app:{name}") is None
    assert build_of("2.60.0-py311-cpu") is None
