"""Which steps have to be made: just those that something missing needs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from factory.plan import steps_to_build
from tests.unit.plan.projects import chain, plan_of, project_of

PLAN = plan_of(project_of())
FIRST = chain(PLAN, 0)
ALL = set(PLAN.steps)
LAST = {planned.key for planned in PLAN.builds}


def wanted(present: set[str], held: set[str] | None = None) -> list[str]:
    images = {PLAN.steps[key].ref: ("sha256:id", key) for key in present}
    return [step.key for step in steps_to_build(PLAN, images, held or set())]


def test_at_first_everything_and_at_last_only_what_confirms_it() -> None:
    assert wanted(set()) == list(PLAN.steps)
    assert set(wanted(ALL)) == LAST


def test_parents_of_what_is_there_are_not_needed() -> None:
    assert set(wanted(LAST)) == LAST


def test_what_the_engine_lost_is_made_again_and_no_more() -> None:
    lost = {FIRST["app"].key}
    assert set(wanted(ALL - lost)) == LAST
    lost |= {FIRST["runtime"].key}
    assert set(wanted(ALL - lost)) == LAST | {FIRST["runtime"].key}


def test_what_a_target_holds_needs_no_parents() -> None:
    assert set(wanted(set(), LAST)) == LAST


def test_a_tag_of_another_key_is_not_the_step() -> None:
    images = {step.ref: ("sha256:id", "f" * 64) for step in PLAN.steps.values()}
    assert [step.key for step in steps_to_build(PLAN, images, set())] == list(PLAN.steps)


@given(st.sets(st.sampled_from(sorted(ALL))), st.sets(st.sampled_from(sorted(LAST))))
def test_the_parent_of_what_is_made_is_there_or_made_before(
    present: set[str], held: set[str]
) -> None:
    order = wanted(present, held)
    for at, key in enumerate(order):
        parent = PLAN.steps[key].parent
        if key not in present | held:
            assert parent is None or parent in present or parent in order[:at]
