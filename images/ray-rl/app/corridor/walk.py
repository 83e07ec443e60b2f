"""The corridor itself: a row of fields, of which the last is the goal. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LENGTH = 8
MOST_STEPS = 4 * LENGTH
STEP_COST, GOAL_REWARD = -0.1, 1.0


@dataclass(frozen=True)
class Walk:
    """Where somebody is, and how many steps it took."""

    field: int = 0
    steps: int = 0

    @property
    def arrived(self) -> bool:
        return self.field == LENGTH - 1

    @property
    def given_up(self) -> bool:
        return self.steps >= MOST_STEPS and not self.arrived

    def go(self, right: bool) -> Walk:
        """One step; there is a wall at the left end."""
        field = min(self.field + 1, LENGTH - 1) if right else max(self.field - 1, 0)
        return Walk(field, self.steps + 1)

    @property
    def reward(self) -> float:
        """What the step that led here was worth."""
        return GOAL_REWARD if self.arrived else STEP_COST
