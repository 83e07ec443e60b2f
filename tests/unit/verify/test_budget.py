"""Clusters run at once as far as there are cores and memory for them, and one always does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from factory.verify import bare
from factory.verify.budget import NODE_BYTES, RESERVE_BYTES, clusters_at_once, nodes_of

_GIB = 2**30
_CLUSTER = Path(__file__).parents[3] / "compose" / "cluster.yaml"


@pytest.mark.parametrize(
    ("gib", "cores", "nodes", "clusters"),
    [
        (24, 2, 3, 2),
        (24, 16, 3, 2),
        (256, 2, 3, 2),
        (256, 16, 3, 16),
        (1024, 64, 3, 16),
        (24, 16, 1, 7),
        (11, 16, 3, 1),
        (20, 16, 3, 2),
        (19, 16, 3, 1),
    ],
)
def test_the_scarcer_of_the_two_decides(gib: int, cores: int, nodes: int, clusters: int) -> None:
    assert clusters_at_once(memory=gib * _GIB, cores=cores, nodes=nodes) == clusters


@pytest.mark.parametrize("gib", [0, 1, 4, 10])
def test_a_cluster_that_is_larger_than_the_engine_runs_alone(gib: int) -> None:
    assert clusters_at_once(memory=gib * _GIB, cores=8, nodes=3) == 1


@given(memory=st.integers(0, 2**42), cores=st.integers(1, 512), nodes=st.integers(1, 100))
def test_several_never_take_more_than_there_is(memory: int, cores: int, nodes: int) -> None:
    clusters = clusters_at_once(memory=memory, cores=cores, nodes=nodes)
    assert 1 <= clusters <= cores
    if clusters > 1:
        assert clusters * nodes * NODE_BYTES + RESERVE_BYTES <= memory


def test_the_contract_needs_one_container_and_other_suites_a_cluster() -> None:
    assert (nodes_of("contract", 2), nodes_of("quick", 2), nodes_of("full", 5)) == (1, 3, 6)


def test_a_node_is_as_large_as_its_limit() -> None:
    for service in yaml.safe_load(_CLUSTER.read_text("utf-8"))["services"].values():
        assert service["mem_limit"] == f"${{NODE_MEMORY:-{NODE_BYTES // _GIB}g}}"
    assert f"--memory={NODE_BYTES // _GIB}g" in bare.LIMITS
