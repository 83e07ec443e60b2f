"""How memory is shared out, and what is refused because there is too little of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.cluster import sizes
from factory.cluster.sizes import GIB, MIB
from factory.errors import ConfigError, MachineError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10G", 10 * GIB),
        ("512m", 512 * MIB),
        ("1.5GiB", 3 * GIB // 2),
        ("2gb", 2 * GIB),
        ("268435456", 256 * MIB),
    ],
)
def test_a_size_is_read_as_docker_reads_it(text: str, size: int) -> None:
    assert sizes.parse(text, "--shm-size") == size


@pytest.mark.parametrize("text", ["", "G", "ten", "-1G", "1T", "1 G", "٣G", "1..5G", "10G\n"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="is no size") as raised:
        sizes.parse(text, "--shm-size")
    assert "--shm-size 10G" in raised.value.todo


def test_a_size_in_which_ray_cannot_begin_is_refused() -> None:
    with pytest.raises(ConfigError, match="less than the 128 MiB"):
        sizes.parse("64m", "--shm-size")


def test_a_node_gets_thirty_per_cent_unless_something_else_is_asked() -> None:
    assert sizes.shared(100 * GIB, None) == 30 * GIB
    assert sizes.shared(100 * GIB, 10 * GIB) == 10 * GIB


def test_more_shared_memory_than_memory_is_refused_with_what_would_fit() -> None:
    with pytest.raises(MachineError, match=r"9.0 GiB of shared memory is more") as raised:
        sizes.shared(8 * GIB, 9 * GIB)
    assert "--shm-size 2G" in raised.value.todo


def test_a_warning_begins_where_the_advised_share_ends() -> None:
    assert not sizes.scarce(30 * GIB, 100 * GIB)
    assert not sizes.scarce(sizes.shared(7_654_321_987, None), 7_654_321_987)
    assert "under 30 %" in sizes.scarce(29 * GIB, 100 * GIB)


@given(ram=st.integers(2 * GIB, 512 * GIB), cores=st.integers(1, 128), workers=st.integers(0, 64))
def test_nodes_that_are_sized_fit_together_and_hold_their_object_store(
    ram: int, cores: int, workers: int
) -> None:
    if ram // (workers + 2) < 2 * GIB:
        workers = 0
    found = sizes.sized(ram + GIB, cores, workers, None, None)
    assert found.memory * (workers + 1) <= ram + GIB
    assert found.store < found.shm < found.memory
    assert not sizes.scarce(found.shm, found.memory)
    assert found.cpus >= 1


def test_too_many_nodes_are_refused_with_how_many_there_may_be() -> None:
    with pytest.raises(MachineError, match=r"8 nodes of 1.5 GiB do not fit into") as raised:
        sizes.sized(8 * GIB, 4, 7, None, None)
    assert "say --workers 3" in raised.value.todo
    assert sizes.sized(8 * GIB, 4, 3, None, None).memory > 1.5 * GIB


def test_an_engine_that_is_too_small_for_any_is_not_told_a_number() -> None:
    with pytest.raises(MachineError) as raised:
        sizes.sized(2 * GIB, 2, 3, None, None)
    assert raised.value.todo.startswith("give the engine more memory")


def test_what_is_asked_for_is_what_nodes_get() -> None:
    found = sizes.sized(32 * GIB, 8, 3, 4 * GIB, 2 * GIB)
    assert (found.memory, found.shm, found.cpus) == (4 * GIB, 2 * GIB, 2)
    with pytest.raises(MachineError, match=r"4 nodes of 9.0 GiB do not fit") as raised:
        sizes.sized(32 * GIB, 8, 3, 9 * GIB, None)
    assert raised.value.todo.startswith("say --workers 2, or ask for less, such as --memory 7G, or")
    with pytest.raises(ConfigError, match=r"more than a node's 4.0 GiB"):
        sizes.sized(32 * GIB, 8, 3, 4 * GIB, 5 * GIB)


def test_less_than_a_node_needs_is_refused_for_that() -> None:
    with pytest.raises(ConfigError, match=r"--memory 500m is less than the 1.5 GiB that a") as it:
        sizes.sized(24 * GIB, 2, 1, 500 * MIB, None)
    assert "--memory 2G" in it.value.todo


@pytest.mark.parametrize(
    ("ram", "workers", "asked", "todo"),
    [
        (24, 1, 100, "ask for less, such as --memory 8G, or give the engine more memory"),
        (5, 1, 100, "ask for less, such as --memory 2G, or give the engine more memory"),
        (4, 1, 100, "ask for less, such as --memory 1536m, or give the engine more memory"),
        (24, 60, 60, "ask for less --memory and fewer --workers, or give the engine more memory"),
    ],
)
def test_more_than_there_is_is_told_to_ask_for_less(
    ram: int, workers: int, asked: int, todo: str
) -> None:
    with pytest.raises(MachineError, match="do not fit") as raised:
        sizes.sized(ram * GIB, 2, workers, asked * GIB, None)
    assert raised.value.todo.startswith(todo)


def test_growing_past_the_memory_is_warned_of() -> None:
    assert not sizes.crowded(32 * GIB, 4, 8 * GIB, 0)
    assert "5 nodes may take 8.0 GiB each, and" in sizes.crowded(32 * GIB, 5, 8 * GIB, 0)


def test_what_others_hold_is_counted() -> None:
    assert not sizes.crowded(32 * GIB, 3, 8 * GIB, 8 * GIB)
    assert "each, other clusters 9.0 GiB, and" in sizes.crowded(32 * GIB, 3, 8 * GIB, 9 * GIB)
