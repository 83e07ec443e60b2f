"""By which names locks go, and that each cell finds its own."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from factory.lock.places import LISTS, named
from factory.model import Cell, Lock, Pin, lock_path

APPS = "images/demo/locks"
EXTRA = (("flavour", "spicy"),)
CELLS = [
    Cell(python=python, ray=ray, device=device, rllib=rllib, extra=extra)
    for python in ("3.11", "3.13")
    for ray in ("2.60.0", "2.55.1")
    for device in ("cpu", "gpu")
    for rllib in (False, True)
    for extra in ((), EXTRA)
]


def lock(version: str) -> Lock:
    return Lock(made_for="0" * 64, pins={"numpy": Pin(version=version, hashes=("sha256:1",))})


def names(contents: dict[Cell, str | None], folder: str = APPS) -> set[str]:
    book = {(folder, cell): lock(it) if it else None for cell, it in contents.items()}
    return {path.removeprefix(f"{folder}/") for path in named(book)}


@given(st.dictionaries(st.sampled_from(CELLS), st.sampled_from("123"), min_size=1))
def test_each_cell_finds_its_own_lock(contents: dict[Cell, str]) -> None:
    book = {(APPS, cell): lock(it) for cell, it in contents.items()}
    files = named(dict(book))
    for (folder, cell), content in book.items():
        path = lock_path(folder, cell, files)
        assert path is not None
        assert files[path] == content


def test_equal_contents_share_a_file_for_each_python() -> None:
    assert names(dict.fromkeys(CELLS, "1")) == {"py311.txt", "py313.txt"}


def test_the_fewest_axes_that_tell_contents_apart_are_in_the_name() -> None:
    plain = [cell for cell in CELLS if cell.python == "3.11" and not cell.extra]
    by_rllib: dict[Cell, str | None] = {cell: "1" if cell.rllib else "2" for cell in plain}
    assert names(by_rllib) == {"py311.txt", "py311-rllib.txt"}
    by_ray: dict[Cell, str | None] = {cell: cell.ray for cell in plain}
    assert names(by_ray) == {"2.60.0-py311.txt", "2.55.1-py311.txt"}
    by_both: dict[Cell, str | None] = {cell: cell.ray + cell.device for cell in plain}
    assert "2.60.0-py311-gpu.txt" in names(by_both)


def test_an_axis_of_the_users_that_matters_is_in_the_name() -> None:
    cells = [cell for cell in CELLS if cell.ray == "2.60.0" and cell.python == "3.11"]
    found = names({cell: "1" if cell.extra else "2" for cell in cells})
    assert found == {f"{cell.id}.txt" for cell in cells}


def test_a_base_is_named_by_its_ray_even_if_there_is_but_one() -> None:
    cells = [cell for cell in CELLS if cell.ray == "2.60.0" and cell.python == "3.11"]
    assert names(dict.fromkeys(cells, "1"), LISTS) == {"2.60.0-py311.txt"}


def test_a_cell_without_a_lock_does_not_find_that_of_another() -> None:
    old, new = (Cell(python="3.11", ray=ray, device="cpu") for ray in ("2.55.1", "2.60.0"))
    files = named({(APPS, old): lock("1"), (APPS, new): None})
    assert set(files) == {f"{APPS}/2.55.1-py311.txt"}
    assert lock_path(APPS, new, files) is None
