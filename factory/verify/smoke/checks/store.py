"""Whether the object store lives in shared memory, and gives back what it had to put on disk."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path
from typing import Any

import ray

from ..protocol import Expected
from .cluster import alive, expect, on_each, on_node

_SIZE = 64 * 1024 * 1024
_MORE = 3
"""How many objects are made beyond what fits."""

_SHARED = "/dev/shm"  # noqa: S108  # where Linux has shared memory
_SPILLED = "/tmp/ray/session_latest"  # noqa: S108  # where Ray keeps what it spills, by default


def object_store(_: Expected) -> None:
    """In shared memory on every node; on one, more objects than fit come back whole."""
    members = alive()
    for node, (directory, capacity, shared) in zip(members, on_each(members, _store)):
        expect(
            directory.startswith(_SHARED),
            f"on {node.address} the object store is in {directory or 'no known folder'}, not in "
            f"{_SHARED}: it is too slow there, and means that {_SHARED} is too small",
        )
        expect(
            shared >= capacity,
            f"on {node.address} {_SHARED} has {shared >> 20} MiB, less than the object store's "
            f"{capacity >> 20} MiB",
        )
    _spill_and_restore()


def _store() -> tuple[str, int, int]:
    """The folder and the size that this node's raylet was given, and the size of shared memory."""
    given: dict[str, str] = {}
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:  # the process has ended
            continue
        if Path(words[0]).name == "raylet":
            given = dict(word.lstrip("-").split("=", 1) for word in words if "=" in word)
    shared = os.statvfs(_SHARED)
    directory = given.get("plasma_directory", "")
    return directory, int(given.get("object_store_memory", 0)), shared.f_blocks * shared.f_frsize


def _made(seed: int) -> bytes:
    return random.Random(seed).randbytes(_SIZE)  # noqa: S311  # test data, no secret


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _on_disk() -> int:
    """Bytes that this node has spilled."""
    folders = Path(_SPILLED).glob("ray_spilled_objects*")
    files = (file for folder in folders for file in folder.rglob("*"))
    return sum(file.stat().st_size for file in files if file.exists())


def _spill_and_restore() -> None:
    node, capacity = _roomiest_worker()
    count = capacity // _SIZE + _MORE
    make, check = on_node(_made, node), on_node(_checksum, node)
    kept = [make.remote(seed) for seed in range(count)]
    ray.wait(kept, num_returns=count, fetch_local=False)
    expect(
        ray.get(on_node(_on_disk, node).remote()) > 0,
        f"{count} objects of {_SIZE >> 20} MiB in {capacity >> 20} MiB, and nothing was spilled",
    )
    for seed, ref in enumerate(kept):
        found = ray.get(check.remote(ref))
        expect(found == _checksum(_made(seed)), f"object {seed} came back from disk changed")


def _roomiest_worker() -> tuple[Any, int]:
    """The node with the largest object store that is not the head."""
    sizes = {
        str(node["NodeID"]): int(node["Resources"].get("object_store_memory", 0))
        for node in ray.nodes()
        if node["Alive"] and "worker" in node["Resources"]
    }
    node = max((one for one in alive() if one.id in sizes), key=lambda one: sizes[one.id])
    return node, sizes[node.id]
