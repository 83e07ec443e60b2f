"""Whether objects too large for a message travel between nodes unharmed."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import ray

from ..protocol import Expected
from .cluster import Node, alive, expect, here, pinned

SIZE = 64 * 1024 * 1024


def _make(size: int) -> tuple[bytes, tuple[str, str]]:
    data = random.Random(size).randbytes(size)  # noqa: S311  # test data, no secret
    return data, (hashlib.sha256(data).hexdigest(), here()[0])


def _checksum(data: bytes) -> tuple[str, str]:
    return hashlib.sha256(data).hexdigest(), here()[0]


def _remote(function: Any, node: Node, returns: int = 1) -> Any:
    task = ray.remote(num_cpus=1)(function)
    return task.options(scheduling_strategy=pinned(node), num_returns=returns)


def object_transfer(_: Expected) -> None:
    """Made and kept on the last node, read on the one before it, compared by checksum."""
    source, sink = alive()[-1], alive()[-2]
    data, made = _remote(_make, source, returns=2).remote(SIZE)
    arrived, sink_id = ray.get(_remote(_checksum, sink).remote(data))
    left, source_id = ray.get(made)
    expect((source_id, sink_id) == (source.id, sink.id), "the tasks ran on other nodes than asked")
    expect(source_id != sink_id, "both tasks ran on one node, so nothing was transferred")
    expect(
        left == arrived,
        f"sha256 {left} left {source.address}, but {arrived} arrived at {sink.address}",
    )
