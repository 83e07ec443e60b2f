"""A cluster in words and as JSON, whole and in parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from factory.cluster import grafana, local
from factory.cluster.found import Found, Place
from factory.cluster.local import RayNode
from factory.cluster.telling import Told
from factory.errors import ClusterError
from tests.unit.cluster.test_plan import SPEC


def place(node: str, address: str, *, running: bool = True) -> Place:
    return Place(
        container=f"x-{node}-1",
        node=node,
        state="running, healthy" if running else "exited with 1",
        running=running,
        address=address,
        image="image",
        since=datetime(2026, 11, 28, 9, 5, tzinfo=UTC),
        labels={},
        token="secret" if node == "head" else "",
    )


def ray(address: str, *, head: bool = False) -> RayNode:
    return RayNode(
        address=address, head=head, alive=True, resources={"CPU": 2.0, "memory": 2.0**31}
    )


WHOLE = Found(
    name="local", spec=SPEC, places=(place("head", "10.0.0.2"), place("worker-1", "10.0.0.3"))
)
NODES = (ray("10.0.0.2", head=True), ray("10.0.0.3"))


def test_a_whole_cluster_is_told_with_its_ways_in() -> None:
    text = Told(there=WHOLE, nodes=NODES).text()
    assert text.startswith("cluster local: a head and 1 worker, all up\n")
    assert "worker-1    running, healthy   10.0.0.3        2 CPU, 2.0 GiB memory" in text
    assert "http://127.0.0.1:1" in text
    assert text.endswith("token       secret")


def test_several_workers_are_told_of_as_such() -> None:
    more = replace(WHOLE, places=(*WHOLE.places, place("worker-2", "10.0.0.4")))
    text = Told(there=more, nodes=(*NODES, ray("10.0.0.4"))).text()
    assert text.startswith("cluster local: a head and 2 workers, all up\n")


def test_a_cluster_holds_the_memory_of_its_nodes_that_run() -> None:
    more = (place("worker-2", "", running=False), place("prometheus", "10.0.0.5"))
    assert replace(WHOLE, places=(*WHOLE.places, *more)).memory == 2 * SPEC.sizes.memory
    assert replace(WHOLE, spec=None).memory == 0


def test_monitoring_is_told_of_where_it_runs() -> None:
    more = replace(WHOLE, places=(*WHOLE.places, place("prometheus", "10.0.0.4")))
    document = Told(there=more, nodes=NODES).document()
    assert document["prometheus"] == "http://127.0.0.1:2"
    assert document["grafana"] is None
    assert document["healthy"]


def test_a_node_that_ended_makes_it_ill_and_down_is_named() -> None:
    ill = replace(WHOLE, places=(WHOLE.places[0], place("worker-1", "", running=False)))
    told = Told(there=ill, nodes=NODES[:1])
    assert not told.healthy
    assert "1 of 2 nodes are in it; `invoke cluster.down --name local` takes it down" in told.text()
    assert "worker-1    exited with 1" in told.text()


def test_a_network_that_is_left_is_told_of_too() -> None:
    told = Told(there=Found(name="old", spec=None, places=()), nodes=())
    assert told.text() == "cluster old: nothing is left of it but a network"
    assert told.document()["nodes"] == []


def test_a_node_that_is_not_there_is_an_error_with_those_that_are() -> None:
    with pytest.raises(ClusterError, match="no node 'worker-7'") as raised:
        WHOLE.place("worker-7")
    assert "head, worker-1" in raised.value.todo


def test_nobody_is_asked_where_no_head_runs() -> None:
    headless = replace(WHOLE, places=(place("head", "", running=False),))
    with pytest.raises(ClusterError, match="its head does not run") as raised:
        local.nodes_of(headless)
    assert "cluster.down --name local" in raised.value.todo


def test_grafana_finds_its_dashboards_where_they_were_put() -> None:
    text = "providers:\n  - name: Ray\n    options:\n      path: /tmp/ray/session_1/dashboards\n"
    assert grafana.moved(text).endswith("      path: /tmp/grafana/dashboards\n")
