"""Which steps have to be worked on, given what there is already. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from factory.model import Plan, Step


def steps_to_build(
    plan: Plan, present: Mapping[str, tuple[str, str]], held: set[str]
) -> tuple[Step, ...]:
    """The steps whose work must run: each build's last, and the parents that a missing one needs.
    Parents come first. Pure.

    Args:
        plan: all steps.
        present: the engine's images: tag to (id, key).
        held: keys of builds that a target holds, which are fetched and need no parents.
    """
    needed: set[str] = set()
    for planned in plan.builds:
        for key in reversed(planned.steps):
            needed.add(key)
            if key in held or is_present(plan.steps[key], present):
                break
    last = {planned.key for planned in plan.builds}
    return tuple(
        step
        for key, step in plan.steps.items()
        if key in last or (key in needed and not is_present(step, present))
    )


def is_present(step: Step, present: Mapping[str, tuple[str, str]]) -> bool:
    """Whether the engine has a step, by its tag and its whole key."""
    return present.get(step.ref, ("", ""))[1] == step.key
