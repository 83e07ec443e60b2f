"""Train on whatever cluster this runs in: ``python -m corridor.train [iterations]``."""

from __future__ import annotations

import sys
import tempfile
from typing import Any

from ray.rllib.algorithms.ppo import PPOConfig

from corridor.environment import Corridor


def configured() -> PPOConfig:
    """PPO with two env runners, in small batches: a corridor is soon learned."""
    config = PPOConfig().environment(Corridor)
    config = config.env_runners(num_env_runners=2, rollout_fragment_length=128)
    training: Any = config.training(train_batch_size_per_learner=512, minibatch_size=128)
    return training  # type: ignore[no-any-return]  # RLlib's setters are untyped


def train(iterations: int) -> str:
    """Train, print what a walk is worth meanwhile, and return the checkpoint's folder."""
    algorithm = configured().build_algo()
    try:
        for number in range(1, iterations + 1):
            result = algorithm.train()
            worth = result["env_runners"].get("episode_return_mean", float("nan"))
            print(f"iteration {number}: a walk is worth {worth:.2f}")
        return str(algorithm.save_to_path(tempfile.mkdtemp(prefix="corridor-")))
    finally:
        algorithm.stop()


if __name__ == "__main__":
    print(train(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
