"""Whether objects too large for a message travel between nodes unharmed."""

from __future__ import annotations

import hashlib
import random

import ray

from ..protocol import Expected
from .cluster import alive, expect, here, on_node, workers

SIZE = 64 * 1024 * 1024


def _make(size: int) -> tuple[bytes, tuple[str, str]]:
    data = random.Random(size).randbytes(size)  # noqa: S311  # test data, no secret
    return data, (hashlib.sha256(data).hexdigest(), here()[0])


def _checksum(data: bytes) -> tuple[str, str]:
    return hashlib.sha256(data).hexdigest(), here()[0]


def object_transfer(_: Expected) -> None:
    """Made and kept on a worker, read on another node, compared by checksum."""
    source = workers()[-1]
    sink = next(node for node in alive() if node != source)
    data, made = on_node(_make, source, returns=2).remote(SIZE)
    arrived, sink_id = ray.get(on_node(_checksum, sink).remote(data))
    left, source_id = ray.get(made)
    expect((source_id, sink_id) == (source.id, sink.id), "the tasks ran on other nodes than asked")
    expect(source_id != sink_id, "both tasks ran on one node, so nothing was transferred")
    expect(
        left == arrived,
        f"sha256 {left} left {source.address}, but {arrived} arrived at {sink.address}",
    )
