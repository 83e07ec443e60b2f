"""The job of `invoke bench rllib-boot`, which runs inside a cluster: RLlib trains on every node.

python rllib_job.py NODES

waits until so many nodes are there, and prints, as the last line, how many seconds that took and
how many steps of CartPole each node took.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

_SECONDS = 1500.0  # where nodes install first, from wherever
_PAUSE = 0.2


def main() -> int:
    """Run it on the cluster that is there; 1 if too few nodes come."""
    ray.init(address="auto", log_to_driver=False)
    wanted, started = int(sys.argv[1]), time.monotonic()
    while len(nodes := _alive()) < wanted:
        if time.monotonic() - started > _SECONDS:
            print(f"{len(nodes)} of {wanted} nodes came within {_SECONDS:.0f} s")
            return 1
        time.sleep(_PAUSE)
    waited = time.monotonic() - started
    tasks = {node: _on(node) for node in nodes}  # all are under way before one is waited for
    steps = {node: ray.get(task) for node, task in tasks.items()}
    print(json.dumps({"waited_seconds": waited, "steps": steps}))
    return 0


def _alive() -> list[str]:
    return sorted(str(node["NodeID"]) for node in ray.nodes() if node["Alive"])


def _on(node: str) -> Any:
    """Whatever CPUs it gives away: a head has none."""
    pinned = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
    return ray.remote(num_cpus=0)(_train).options(scheduling_strategy=pinned).remote()


def _train() -> int:
    """One iteration of PPO, all of it on this node: RLlib and torch are needed on each."""
    ppo: Any = importlib.import_module("ray.rllib.algorithms.ppo")
    config = ppo.PPOConfig().environment("CartPole-v1")
    config = config.env_runners(num_env_runners=0).learners(num_learners=0)
    small = {"train_batch_size_per_learner": 128, "minibatch_size": 64, "num_epochs": 1}
    algorithm = config.training(**small).build_algo()
    try:
        return int(algorithm.train()["env_runners"]["num_env_steps_sampled_lifetime"])
    finally:
        algorithm.stop()


if __name__ == "__main__":
    sys.exit(main())
