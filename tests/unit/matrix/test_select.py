"""Selection: the same flags everywhere, and an error for each that means nothing."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import ConfigError
from factory.matrix import select
from factory.model import Build, Cell, Selection

CELLS = tuple(
    Cell(python=python, ray=ray, device=device, rllib=rllib)
    for python, ray, device, rllib in itertools.product(
        ("3.11", "3.12"), ("2.55.1", "2.60.0"), ("cpu", "gpu"), (False, True)
    )
)
BUILDS = tuple(Build(image=image, cell=cell) for image in ("app", "serve") for cell in CELLS)

selections = st.builds(
    Selection,
    variant=st.sampled_from([None, "cpu", "gpu", "tpu"]),
    python=st.sampled_from([None, "3.11", "3.9"]),
    ray=st.sampled_from([None, "2.60.0"]),
    rllib=st.sampled_from([None, True, False]),
    image=st.sampled_from([None, "app", "ap"]),
    only=st.lists(st.sampled_from(["*gpu*", "app:*", "2.60*", "[", "*"]), max_size=2).map(tuple),
    skip=st.lists(st.sampled_from(["*rllib", "serve:*", "zzz"]), max_size=2).map(tuple),
)


@given(selections)
def test_what_is_chosen_meets_every_selector_and_keeps_the_order(selection: Selection) -> None:
    try:
        chosen = select(BUILDS, selection)
    except ConfigError:
        return  # that it explains itself is tested by example below
    assert chosen
    assert chosen == tuple(build for build in BUILDS if build in chosen)
    for build in chosen:
        assert selection.variant in (None, build.cell.device)
        assert selection.python in (None, build.cell.python)
        assert selection.rllib in (None, build.cell.rllib)
        assert selection.image in (None, build.image)


def test_nothing_selects_everything() -> None:
    assert select(BUILDS, Selection()) == BUILDS


def test_only_widens_and_skip_narrows() -> None:
    chosen = select(
        BUILDS, Selection(only=("2.60.0-py311-cpu", "app:2.60.0-py311-gpu"), skip=("serve:*",))
    )
    assert [build.id for build in chosen] == ["app:2.60.0-py311-cpu", "app:2.60.0-py311-gpu"]


@pytest.mark.parametrize(
    ("selection", "what", "todo"),
    [
        ({"variant": "gpuu"}, "--variant 'gpuu' matches no build", "did you mean gpu"),
        ({"python": "3.1"}, "--python '3.1'", "did you mean"),
        ({"ray": "9.9.9"}, "--ray '9.9.9'", "known: 2.55.1, 2.60.0"),
        ({"image": "sevre"}, "--image 'sevre'", "did you mean serve?"),
        ({"only": ("app:2.60.0-py311-gup",)}, "matches no cell", "app:2.60.0-py311-gpu"),
        ({"skip": ("nothing",)}, "'nothing' matches no cell and no build", ""),
        ({"only": ("",)}, "'' matches no cell", "more"),
        ({"only": ("app:*",), "image": "serve"}, "together they match nothing", "drop one"),
    ],
)
def test_a_selector_that_matches_nothing_is_an_error(
    selection: dict[str, Any], what: str, todo: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        select(BUILDS, Selection(**selection))
    assert what in raised.value.what
    assert todo in raised.value.todo
    assert len(raised.value.todo) < 600, "a list of all there is would fill screens"


def test_selecting_in_a_large_matrix_is_quick() -> None:
    builds = [
        Build(
            image="app",
            cell=Cell(python="3.11", ray="2.60.0", device="cpu", extra=(("n", str(number)),)),
        )
        for number in range(20_000)
    ]
    started = time.monotonic()
    assert len(select(builds, Selection(variant="cpu", only=("*-7?", "*-8?")))) == 20
    assert time.monotonic() - started < 5
