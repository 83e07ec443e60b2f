"""What is newer than what is locked, with uv itself and an index of small wheels."""

from __future__ import annotations

import pytest

from factory.build import PackageSources
from factory.errors import MachineError
from factory.model import Outdated
from factory.report.locks import outdated_document, outdated_table
from tests.unit.lock.shelves import NOBODY, Shelf

BOTH = ("demo:2.60.0-py311-cpu", "demo:2.55.1-py311-cpu")


def found(shelved: Shelf, kind: str) -> dict[str, Outdated]:
    return {f"{one.where} {one.name}": one for one in shelved.outdated() if one.kind == kind}


def test_what_was_locked_just_now_is_not_outdated(shelved: Shelf) -> None:
    shelved.lock()
    assert shelved.outdated() == ()
    assert outdated_table(()) == "nothing is outdated"


def test_a_newer_dependency_is_named_with_the_builds_that_it_rebuilds(shelved: Shelf) -> None:
    shelved.ask_for("pandas")
    shelved.lock()
    before = shelved.files()
    shelved.provide("fsspec", "2026.9.0")
    [one] = found(shelved, "package").values()
    assert (one.name, one.now, one.newest) == ("fsspec", "2026.4.0", "2026.9.0")
    assert one.where == "images/demo/locks/py311.txt"
    assert one.builds == BOTH
    assert shelved.files() == before


def test_a_dependency_of_a_base_rebuilds_what_stands_on_it(shelved: Shelf) -> None:
    shelved.lock()
    shelved.provide("click", "8.3.0")
    packages = found(shelved, "package")
    assert packages["dockerfiles/locks/base/2.60.0-py311.txt click"].builds == BOTH[:1]
    assert packages["dockerfiles/locks/base/2.55.1-py311.txt click"].builds == BOTH[1:]


def test_what_an_image_insists_on_is_not_outdated(shelved: Shelf) -> None:
    shelved.ask_for("fsspec==2026.4.0")
    shelved.lock()
    shelved.provide("fsspec", "2026.9.0")
    assert found(shelved, "package") == {}


def test_a_version_that_was_taken_back_is_named_with_the_reason(shelved: Shelf) -> None:
    shelved.lock()
    shelved.take_back("fsspec", "2026.4.0", "it eats files")
    [one] = found(shelved, "yanked").values()
    assert (one.name, one.now, one.reason) == ("fsspec", "2026.4.0", "it eats files")
    assert one.builds == BOTH
    assert "taken back: it eats files" in outdated_table([one])


def test_newer_releases_of_ray_are_named(shelved: Shelf) -> None:
    shelved.lock()
    for version in ("2.61.0", "2.62.0", "2.55.2", "2.56.0", "2.63.0rc1"):
        shelved.provide("ray", version, "click>=8")
    rays = [one for one in shelved.outdated() if one.kind == "ray"]
    assert {(one.now, one.newest): one.builds for one in rays} == {
        ("2.55.1", "2.55.2"): BOTH[1:],
        ("2.60.0", "2.62.0"): (),
    }


def test_an_index_that_is_silent_cannot_say(shelved: Shelf) -> None:
    shelved.lock()
    shelved.sources = PackageSources(index=NOBODY)
    with pytest.raises(MachineError):
        shelved.outdated()


def test_a_project_without_locks_has_rays_alone(shelved: Shelf) -> None:
    shelved.provide("ray", "2.61.0", "click>=8")
    assert [one.kind for one in shelved.outdated()] == ["ray"]


def test_the_document_has_all_builds_and_the_table_the_first() -> None:
    one = Outdated(
        kind="package", name="numpy", now="1", newest="2", where="a.txt", builds=("a", "b", "c")
    )
    assert outdated_document([one]) == [
        {
            "kind": "package",
            "name": "numpy",
            "now": "1",
            "newest": "2",
            "reason": None,
            "where": "a.txt",
            "builds": ["a", "b", "c"],
        }
    ]
    assert "a, b and 1 more" in outdated_table([one])
