"""The corridor as Gymnasium's environments are."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from corridor.walk import LENGTH, Walk

Observation = NDArray[np.float32]


class Corridor(gymnasium.Env):  # type: ignore[misc]  # Gymnasium is in the image, not where types are checked
    """Action 1 goes right, 0 left; the observation is how far along one is, from 0 to 1."""

    def __init__(self, _config: Any = None) -> None:
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (1,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)
        self._walk = Walk()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Back to the left end."""
        super().reset(seed=seed, options=options)
        self._walk = Walk()
        return self._seen(), {}

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One step: observation, reward, whether the goal is reached, whether it took too long."""
        self._walk = self._walk.go(right=bool(action))
        return self._seen(), self._walk.reward, self._walk.arrived, self._walk.given_up, {}

    def _seen(self) -> Observation:
        return np.array([self._walk.field / (LENGTH - 1)], np.float32)
