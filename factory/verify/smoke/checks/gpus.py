"""Whether Ray hands out GPUs: by what nodes declare, so that it can be tried without any."""

from __future__ import annotations

import os
from typing import Any

import ray

from ..protocol import Expected
from .cluster import expect, here, workers

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_SECONDS = 60.0
_PENDING_SECONDS = 1.0


class _Holder:
    def sees(self) -> tuple[str, list[str], str]:
        """Its node, the GPUs that Ray gave it, and what CUDA would see."""
        return here()[0], [str(one) for one in ray.get_gpu_ids()], os.environ.get(_VISIBLE, "")


def gpu_scheduling(_: Expected) -> None:
    """Each worker declares one: as many actors with a GPU each are on all of them, one more waits,
    and each sees the GPU that it was given and no other."""
    members = workers()
    actor: Any = ray.remote(num_cpus=0, num_gpus=1)(_Holder)
    holders = [actor.remote() for _ in members]
    try:
        refs = [one.sees.remote() for one in holders]
        placed = ray.wait(refs, num_returns=len(refs), timeout=_SECONDS)[0]
        expect(
            len(placed) == len(refs),
            f"{len(placed)} of {len(refs)} actors with a GPU each were placed in {_SECONDS:.0f} s",
        )
        found = ray.get(refs)
        where = {node for node, _, _ in found}
        expect(where == {node.id for node in members}, f"actors with a GPU each are on {where}")
        for _, given, visible in found:
            complaint = misgiven(given, visible)
            expect(not complaint, complaint)
        holders.append(actor.remote())
        early = ray.wait([holders[-1].sees.remote()], timeout=_PENDING_SECONDS)[0]
        expect(not early, "one more found a GPU, though all were taken")
    finally:
        for holder in holders:
            ray.kill(holder)


def misgiven(given: list[str], visible: str) -> str:
    """How what was given to something with one GPU is not that; empty if it is."""
    if len(given) != 1:
        return f"something with num_gpus=1 was given {len(given)} GPUs"
    if visible.split(",") != given:
        return f"it was given GPU {given[0]}, and {_VISIBLE} is {visible!r}"
    return ""
