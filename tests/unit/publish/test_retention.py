"""What stays at a target and what goes, by facts that are made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from factory.model import Publication, Retention, Target, adopted_id, build_of
from factory.model.naming import Naming
from factory.publish import Shelf, decide, is_there

NOW = datetime(2026, 11, 29, tzinfo=UTC)
BUILD = "ray-app:2.60.0-py311-cpu"
FLOATING = "2.60.0-py311-cpu"
POLICY = Retention(keep_days=30, keep_last=2, ended="keep")


def release(number: int, days_ago: float, build: str = BUILD) -> Publication:
    """The ``number``-th image of a build."""
    cell = build.partition(":")[2]
    key = f"{number:x}" * 64
    return Publication(
        build_id=build,
        key=key,
        target="prod",
        repository="h/ray-app",
        immutable=f"{cell}-{key[:12]}",
        floating=(cell,),
        manifest_digest=f"sha256:{number:064x}",
        config_digest="",
        at=(NOW - timedelta(days=days_ago)).isoformat(),
    )


def shelf(*releases: Publication, current: frozenset[str] = frozenset({BUILD})) -> Shelf:
    """What publishing all of these comes to: the last of each build has the floating tag."""
    ordered = sorted(releases, key=lambda one: one.at)
    tags = {one.immutable: one.manifest_digest for one in ordered}
    tags |= {tag: one.manifest_digest for one in ordered for tag in one.floating}
    return Shelf(
        repository="h/ray-app",
        tags=tags,
        releases=ordered,
        awaited=frozenset(),
        current=current,
        now=NOW,
    )


def kept(found: Shelf, policy: Retention = POLICY) -> set[int]:
    return {int(one.digest[7:], 16) for one in decide(found, policy) if one.keep}


def why(found: Shelf, number: int, policy: Retention = POLICY) -> str:
    [one] = [one for one in decide(found, policy) if int(one.digest[7:], 16) == number]
    return one.why


def test_what_a_floating_tag_names_stays_however_old() -> None:
    found = shelf(release(1, 900))
    assert kept(found, replace(POLICY, keep_days=0)) == {1}
    assert why(found, 1) == f"{FLOATING} names it"


def test_the_last_of_each_build_stay_and_older_ones_go() -> None:
    found = shelf(release(1, 400), release(2, 300), release(3, 200), release(4, 100))
    assert kept(found) == {3, 4}
    assert why(found, 3) == "it is one of the last 2 of its build"
    assert why(found, 1) == "older than 30 days, and not one of the last 2"


def test_what_a_floating_tag_named_within_the_days_stays_though_it_is_older() -> None:
    """It was published a year ago, and replaced last week."""
    found = shelf(release(1, 365), release(2, 7), release(3, 6), release(4, 5))
    assert kept(found) == {1, 2, 3, 4}
    assert kept(found, replace(POLICY, keep_days=6)) == {2, 3, 4}


def test_the_days_end_when_something_else_was_published_and_not_when_the_same_was() -> None:
    found = shelf(release(1, 365), release(1, 20), release(2, 10), release(3, 9), release(4, 8))
    assert kept(found, replace(POLICY, keep_days=11)) == {1, 2, 3, 4}
    assert kept(found, replace(POLICY, keep_days=9)) == {2, 3, 4}


def test_an_image_that_was_rolled_back_to_is_the_last_again() -> None:
    found = shelf(release(1, 400), release(2, 300), release(3, 200), release(1, 100))
    assert kept(found) == {1, 3}


@pytest.mark.parametrize("tag", ["stable", "v1", "2.60.0-py311-cpu-abc"])
def test_what_a_tag_of_somebody_elses_names_stays(tag: str) -> None:
    found = shelf(release(1, 400), release(2, 300), release(3, 200))
    tags = {**found.tags, tag: release(1, 0).manifest_digest}
    found = replace(found, tags=tags)
    assert 1 in kept(found)
    assert why(found, 1) == f"the tag {tag} is not the factory's"


def test_what_was_not_published_from_here_stays() -> None:
    found = shelf(release(2, 1))
    found = replace(found, tags={**found.tags, "other": f"sha256:{9:064x}"})
    assert why(found, 9) == "it was not published from here"
    assert kept(found) == {2, 9}


def test_a_cell_that_left_the_matrix_keeps_all_unless_policy_says_otherwise() -> None:
    found = shelf(release(1, 400), release(2, 300), release(3, 200), current=frozenset())
    assert kept(found) == {1, 2, 3}
    assert kept(found, replace(POLICY, ended="remove")) == set()


def test_a_cell_that_left_the_matrix_is_gone_only_when_the_days_are_over() -> None:
    found = shelf(release(1, 400), release(2, 20), current=frozenset())
    assert kept(found, replace(POLICY, ended="remove")) == {1, 2}
    assert kept(found, replace(POLICY, ended="remove", keep_days=10)) == set()


def test_an_image_of_two_builds_stays_as_long_as_one_of_them_keeps_it() -> None:
    other = "ray-app:2.55.1-py311-cpu"
    shared = replace(release(1, 400, other), manifest_digest=release(1, 0).manifest_digest)
    found = shelf(release(1, 401), release(2, 300), release(3, 200), shared)
    assert 1 in kept(found)
    assert why(found, 1) == "2.55.1-py311-cpu names it"


def test_what_tags_may_be_about_to_name_stays() -> None:
    found = shelf(release(1, 400), release(2, 300), release(3, 200))
    digest = release(1, 0).manifest_digest
    assert kept(found) == {2, 3}
    assert kept(replace(found, awaited=frozenset({digest}))) == {1, 2, 3}


def test_what_a_floating_tag_names_is_told_by_it_and_not_by_what_may_come() -> None:
    found = shelf(release(1, 400), release(2, 300))
    both = frozenset(release(number, 0).manifest_digest for number in (1, 2))
    awaited = replace(found, awaited=both)
    assert why(awaited, 2) == f"{FLOATING} names it"
    assert why(awaited, 1).startswith("floating tags are moving, or may move to it")


NAMED = Naming(repository="team/{image}-{flavour}-{device}")


@pytest.mark.parametrize(
    ("target", "there"),
    [
        (Target(name="prod", registry="h"), True),
        (Target(name="prod", registry="h/prod"), False),
        (Target(name="prod", registry="h", naming=Naming()), True),
        (Target(name="prod", registry="h", naming=Naming(repository="{image}/{device}")), False),
    ],
)
def test_a_target_is_where_its_address_and_its_template_are(target: Target, there: bool) -> None:
    """Whether or not the matrix has the build still."""
    one = release(1, 0)
    assert is_there(target, one, None) is there
    assert is_there(target, one, build_of(one.build_id)) is there


@pytest.mark.parametrize(
    ("repository", "there"),
    [
        ("h/team/ray-app-slim-cpu", True),
        ("h/team/ray-app-slim-gpu", False),
        ("h/team/x/ray-app-slim-cpu", False),
        ("h/team/ray-app-cpu", False),
        ("i/team/ray-app-slim-cpu", False),
    ],
)
def test_an_axis_of_a_build_that_left_the_matrix_may_have_any_value(
    repository: str, there: bool
) -> None:
    target = Target(name="prod", registry="h", naming=NAMED)
    assert is_there(target, replace(release(1, 0), repository=repository), None) is there


def test_every_tag_is_in_exactly_one_decision() -> None:
    found = shelf(*(release(number, 10 * number) for number in range(1, 9)))
    decided = [tag for one in decide(found, POLICY) for tag in one.tags]
    assert sorted(decided) == sorted(found.tags)


def test_what_a_rollback_brought_back_counts_until_it_was_replaced_again() -> None:
    """The first stood for years but for an hour: a rollback put it back, and what came then is new.
    The second was named for that hour alone."""
    found = shelf(release(1, 400), release(2, 100), release(1, 99.9), release(3, 2))
    assert kept(found, replace(POLICY, keep_last=1)) == {1, 3}


def test_what_an_index_of_others_lists_stays() -> None:
    found = shelf(release(1, 400), release(2, 300), release(3, 200))
    listed = replace(found, within=frozenset({f"sha256:{1:064x}"}))
    assert kept(listed) == {1, 2, 3}
    assert why(listed, 1) == "an index that is not the factory's lists it"


def test_what_was_adopted_for_a_cell_that_there_is_has_not_left_the_matrix() -> None:
    policy = replace(POLICY, ended="remove")
    adopted = release(1, 400, adopted_id(BUILD))
    assert kept(shelf(adopted, current=frozenset({BUILD, adopted_id(BUILD)})), policy) == {1}
    assert kept(shelf(adopted, current=frozenset({BUILD})), policy) == set()
