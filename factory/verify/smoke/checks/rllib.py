"""Whether RLlib learns, with the work where a cluster has it: on the workers."""

from __future__ import annotations

import hashlib
import importlib
import io
import tarfile
import tempfile
from typing import Any

import ray

from ..protocol import Expected
from .cluster import WORKER, alive, expect, here, on_node, workers

_RUNNERS = 2
_ITERATIONS = 2
_STEPS = "num_env_steps_sampled_lifetime"
_WORKER = {WORKER: 1}


def rllib_ppo(expected: Expected) -> None:
    """PPO takes steps in CartPole in every iteration, in environments that workers run."""
    runners = min(_RUNNERS, expected.nodes - 1)
    algorithm = _ppo(runners).build_algo()
    try:
        where = algorithm.env_runner_group.foreach_env_runner(_node, local_env_runner=False)
        steps = [int(algorithm.train()["env_runners"][_STEPS]) for _ in range(_ITERATIONS)]
    finally:
        algorithm.stop()
    complaint = shortfall(steps, where, head=here()[0], runners=runners)
    expect(not complaint, complaint)


def shortfall(steps: list[int], where: list[str], *, head: str, runners: int) -> str:
    """What is missing from a training that was spread over workers; empty if nothing is.

    Args:
        steps: taken in all, after each iteration.
        where: the node of each env runner.
        head, runners: the node on which none may be, and how many nodes must have one.
    """
    if head in where:
        return "an environment ran on the head"
    if len(set(where)) != runners:
        return f"the environments are on {len(set(where))} worker(s), not {runners}"
    if not all(before < after for before, after in zip([0, *steps], steps)):
        return f"{_STEPS} went {' → '.join(map(str, [0, *steps]))}"
    return ""


def _ppo(runners: int) -> Any:
    """The smallest configuration that goes all the way: sample, learn, send weights back."""
    ppo: Any = importlib.import_module("ray.rllib.algorithms.ppo")
    return (
        ppo.PPOConfig()
        .environment("CartPole-v1")
        .env_runners(
            num_env_runners=runners,
            num_cpus_per_env_runner=1,
            num_gpus_per_env_runner=0,
            custom_resources_per_env_runner=_WORKER,
        )
        .learners(num_learners=0, num_gpus_per_learner=0)
        .fault_tolerance(restart_failed_env_runners=False)  # what fails once is a failure
        .training(train_batch_size_per_learner=128, minibatch_size=64, num_epochs=1)
    )


def _node(_: object) -> str:
    return str(ray.get_runtime_context().get_node_id())


def rllib_checkpoint(_: Expected) -> None:
    """What one node saved, another restores to the same weights."""
    maker, *others = workers()
    taker = next(node for node in [*others, *alive()] if node != maker)
    saved, weights = ray.get(on_node(_save, maker).remote())
    found = ray.get(on_node(_restore, taker).remote(saved))
    expect(found == weights, "a checkpoint restored on another node has other weights")


def _save() -> tuple[bytes, str]:
    """A checkpoint as an archive, and a digest of its weights."""
    with tempfile.TemporaryDirectory() as folder:
        algorithm = _ppo(0).build_algo()
        try:
            algorithm.train()
            algorithm.save_to_path(folder)
            return _packed(folder), _digest(algorithm)
        finally:
            algorithm.stop()


def _restore(saved: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
            archive.extractall(folder)  # noqa: S202  # made a moment ago by ``_save``
        algorithm = _ppo(0).build_algo()
        try:
            algorithm.restore_from_path(folder)
            return _digest(algorithm)
        finally:
            algorithm.stop()


def _packed(folder: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(folder, arcname=".")
    return buffer.getvalue()


def _digest(algorithm: Any) -> str:
    """Of all weights, in the order of their names."""
    digest = hashlib.sha256()
    for name, weight in sorted(algorithm.get_module().get_state().items()):
        digest.update(name.encode() + weight.tobytes())
    return digest.hexdigest()
