"""Keys change with what BuildKit would make, and with nothing else: a table of changes, each on
random projects, planned as any project is."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.identity.generate import generate
from benchmarks.identity.mutations import MUTATIONS, Effect, Mutation
from benchmarks.identity.tree import keys, write

steady = settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow])
random_numbers = st.randoms(use_true_random=False)
named = pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)


@named
@steady
@given(random=random_numbers)
def test_exactly_the_builds_that_a_change_reaches_get_another_key(
    mutation: Mutation, random: Random
) -> None:
    sample = generate(random, mark="test", wants=mutation.wants)
    after, reached = mutation.how(sample, random)
    with TemporaryDirectory() as temporary:
        root = Path(temporary).resolve()
        before = keys(write(sample, root))
        afterwards = keys(write(after, root, over=sample))
    both = before.keys() & afterwards.keys()
    changed = {build for build in both if before[build] != afterwards[build]}
    if mutation.effect is Effect.CAUTION:
        assert changed <= set(reached), mutation.name
    else:
        assert changed == set(reached) & both, mutation.name


@steady
@given(random=random_numbers)
def test_a_project_has_the_same_keys_in_any_folder(random: Random) -> None:
    sample = generate(random, mark="test")
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        assert keys(write(sample, Path(one).resolve())) == keys(
            write(sample, Path(other).resolve())
        )


def test_a_change_that_should_tell_reaches_a_build() -> None:
    """Else there would be nothing for it to prove."""
    for mutation in MUTATIONS:
        random = Random(mutation.name)
        sample = generate(random, mark="test", wants=mutation.wants)
        _, reached = mutation.how(sample, random)
        assert reached or mutation.effect is not Effect.CHANGES, mutation.name


def test_no_two_changes_share_a_name() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
