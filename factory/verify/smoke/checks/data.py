"""Whether Ray Data spreads work over the cluster and loses nothing on the way."""

from __future__ import annotations

import importlib
import time
from typing import Any

from ..protocol import Expected
from .cluster import expect, here, workers

_ROWS = 4000
_BLOCKS = 8
_GROUPS = 4
_BLOCK_SECONDS = 0.2
"""How long each block takes at least, so that no worker has done all before another began."""


def data(_: Expected) -> None:
    """Blocks are mapped on the workers, shuffled into groups, and summed up to the last row."""
    library: Any = importlib.import_module("ray.data")
    _without_actors(library)
    made = library.range(_ROWS, override_num_blocks=_BLOCKS)
    mapped = made.map_batches(_mapped, num_cpus=1, scheduling_strategy="SPREAD").materialize()
    nodes = {str(node) for batch in mapped.iter_batches() for node in batch["node"]}
    members = {node.id for node in workers()}
    expect(nodes <= members, f"blocks were mapped on {nodes - members}, which are no workers")
    wanted = min(len(members), 2)
    expect(len(nodes) >= wanted, f"{_BLOCKS} blocks were mapped on {len(nodes)} worker(s)")
    sums = {
        int(row["group"]): int(row["sum(double)"])
        for row in mapped.groupby("group").sum("double").take_all()
    }
    expect(sums == expected_sums(), f"the sums are {sums}, not {expected_sums()}")


def _without_actors(library: Any) -> None:
    """A handful of groups needs no actors to shuffle rows between, for which there are few CPUs."""
    context: Any = importlib.import_module("ray.data.context")
    if hasattr(context, "ShuffleStrategy"):  # older ones have no other way
        current = library.DataContext.get_current()
        current.shuffle_strategy = context.ShuffleStrategy.SORT_SHUFFLE_PULL_BASED


def _mapped(batch: dict[str, Any]) -> dict[str, Any]:
    time.sleep(_BLOCK_SECONDS)
    numbers = batch["id"]
    return {"group": numbers % _GROUPS, "double": numbers * 2, "node": [here()[0]] * len(numbers)}


def expected_sums() -> dict[int, int]:
    """The sum of each group, in a plain loop."""
    return {group: sum(2 * one for one in range(group, _ROWS, _GROUPS)) for group in range(_GROUPS)}
