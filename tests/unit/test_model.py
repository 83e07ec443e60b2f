"""The words: ids, references, and what an override changes."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from factory.model import Build, Cell, Override, Target, step_ref

cells = st.builds(
    Cell,
    python=st.sampled_from(["3.9", "3.10", "3.11"]),
    ray=st.sampled_from(["2.60.0", "2.55.1", "2.61.0rc1"]),
    device=st.sampled_from(["cpu", "gpu"]),
    rllib=st.booleans(),
    extra=st.sampled_from([(), (("cuda", "12.4"),), (("cuda", "13"), ("flavour", "spicy"))]),
)


def test_an_id_is_rays_tag_and_then_our_suffixes() -> None:
    cell = Cell(python="3.11", ray="2.60.0", device="gpu", rllib=True, extra=(("cuda", "13"),))
    assert cell.id == "2.60.0-py311-gpu-rllib-13"
    assert Build(image="demo", cell=cell).id == "demo:2.60.0-py311-gpu-rllib-13"


@given(cells, cells)
def test_only_equal_cells_share_an_id_and_every_id_is_a_tag(one: Cell, other: Cell) -> None:
    assert (one.id == other.id) == (one == other)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", one.id)


@given(cells)
def test_an_override_matches_on_every_axis_it_names(cell: Cell) -> None:
    exactly = tuple((axis, (value,)) for axis, value in cell.axes.items())
    assert Override(when=exactly).matches(cell)
    assert Override(when=(("ray", ("0.0.1", cell.ray)),)).matches(cell)
    assert not Override(when=(("ray", (cell.ray,)), ("python", ("2.7",)))).matches(cell)
    assert not Override(when=(("nowhere", ("x",)),)).matches(cell)


def test_a_steps_reference_can_be_answered_by_no_registry() -> None:
    assert step_ref("demo", "a" * 64) == "factory.invalid/demo:" + "a" * 12
    assert Target(name="local", registry="127.0.0.1:5000/x").repository("demo") == (
        "127.0.0.1:5000/x/demo"
    )
