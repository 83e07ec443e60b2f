"""The sample that trains: its corridor, as far as it needs no RLlib."""

from __future__ import annotations

from corridor.walk import GOAL_REWARD, LENGTH, MOST_STEPS, STEP_COST, Walk


def test_going_right_arrives_and_is_worth_it() -> None:
    walk = Walk()
    for _ in range(LENGTH - 1):
        assert not walk.arrived
        walk = walk.go(right=True)
    assert walk.arrived
    assert walk.reward == GOAL_REWARD
    assert not walk.given_up


def test_there_is_a_wall_at_the_left_end() -> None:
    walk = Walk().go(right=False)
    assert (walk.field, walk.steps, walk.reward) == (0, 1, STEP_COST)


def test_nobody_walks_for_ever() -> None:
    walk = Walk()
    for _ in range(MOST_STEPS):
        walk = walk.go(right=False)
    assert walk.given_up
