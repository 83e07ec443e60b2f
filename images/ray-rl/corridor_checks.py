"""Smoke checks of this image; those of ray-app, which it stands on, run too."""

from __future__ import annotations

import ray
from corridor.environment import Corridor
from corridor.train import configured
from corridor.walk import LENGTH
from gymnasium.utils.env_checker import check_env

LIMITS = {"check_corridor": 60}


def check_corridor() -> None:
    """A worker walks the environment that RLlib would be given, from end to end."""
    steps = ray.get(ray.remote(num_cpus=1)(_walk).remote())
    assert steps == LENGTH - 1, f"the way took {steps} steps, not {LENGTH - 1}"
    configured().validate()


def _walk() -> int:
    check_env(Corridor(), skip_render_check=True)
    environment, steps, arrived = Corridor(), 0, False
    environment.reset()
    while not arrived:
        _, _, arrived, _, _ = environment.step(1)
        steps += 1
    return steps
