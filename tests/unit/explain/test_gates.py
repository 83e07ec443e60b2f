"""Whether something is made or judged again, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from factory.explain import awaiting, build_foreseen, verdict_foreseen
from factory.explain.gates import basis_changes
from factory.model import Action, Difference, Gate, Status, Verdict

CHANGED = Difference(step="demo", input="file x", what="x changed")
AT = "2026-11-21T08:29:00+00:00"
PASS = Verdict(gate=Gate.VERIFY, config_digest="c", basis="b", status=Status.PASS, at=AT)
PARTS: dict[str, Any] = {
    "suite": "1",
    "own checks": ["1"],
    "compose": ["1"],
    "gpus": False,
    "single containers": ["--init"],
    "worker image": "",
    "expected": {"nodes": 3, "ray": "2.60.0"},
    "policy": {"vulnerabilities": ["HIGH"], "ignore_unfixed": True},
    "trivy": "0.76.0",
    "database": "2@2026-05-08",
    "code": "1",
}


def test_what_did_not_change_is_kept_and_since_when() -> None:
    found = build_foreseen(at=AT, first=False, found=())
    assert (found.action, found.why, found.at) == (Action.KEEP, "nothing changed", AT)


def test_what_was_never_made_is_a_first_build() -> None:
    found = build_foreseen(at=None, first=True, found=())
    assert (found.action, found.why) == (Action.AGAIN, "first build")


def test_what_changed_is_made_again_for_its_first_cause() -> None:
    other = replace(CHANGED, what="y changed")
    found = build_foreseen(at=None, first=False, found=(CHANGED, other))
    assert (found.action, found.why, found.more) == (Action.AGAIN, "x changed", ("y changed",))


def test_what_is_as_it_once_was_is_kept() -> None:
    found = build_foreseen(at=AT, first=False, found=(CHANGED,))
    assert found.action is Action.KEEP
    assert found.why.startswith("x changed; an image with these inputs was made before")


def judged(**more: Any) -> Any:
    fields: dict[str, Any] = {"stands": None, "words": "", "latest": None}
    fields |= {"now": PARTS, "then": PARTS}
    return verdict_foreseen(Gate.VERIFY, **(fields | more))


def test_a_verdict_that_stands_is_kept() -> None:
    found = judged(stands=PASS, words="11 checks passed", latest=PASS)
    assert (found.action, found.why, found.at) == (Action.KEEP, "11 checks passed", AT)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "no verdict yet"),
        (
            {"stands": replace(PASS, status=Status.FAIL), "words": "verify failed: boot"},
            "verify failed: boot; a failure is tried anew",
        ),
        (
            {"latest": PASS, "then": None},
            "what its verdict rested on changed, and was not recorded then",
        ),
        ({"latest": PASS, "then": PARTS | {"suite": "0"}}, "the smoke suite's code changed"),
        ({"latest": PASS}, "what its verdict rested on changed"),
    ],
)
def test_everything_else_is_judged_again(more: dict[str, Any], expected: str) -> None:
    found = judged(**more)
    assert (found.action, found.why) == (Action.AGAIN, expected)
    assert found.gate == "verify"


def test_a_new_image_is_judged_anew() -> None:
    assert awaiting(Gate.SCAN).action is Action.AGAIN


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ({"suite": "0"}, "the smoke suite's code changed"),
        ({"own checks": []}, "the image's own checks changed"),
        ({"compose": ["0"]}, "the cluster's definition changed"),
        ({"gpus": True}, "workers no longer get GPUs"),
        ({"single containers": []}, "how single containers are started changed"),
        ({"worker image": "x"}, "the workers' image changed"),
        ({"expected": {"nodes": 2, "ray": "2.60.0"}}, "topology: nodes 2 → 3"),
        (
            {"policy": {"vulnerabilities": [], "ignore_unfixed": True}},
            "the scan policy changed: vulnerabilities",
        ),
        ({"trivy": "0.75.0"}, "Trivy 0.75.0 → 0.76.0"),
        ({"database": "2@2026-05-07"}, "the vulnerability database 2@2026-05-07 → 2@2026-05-08"),
        ({"database": ""}, "the vulnerability database is here now"),
        ({"code": "0"}, "the code of the scan gate changed"),
        ({"something new": "0"}, "something new changed"),
    ],
)
def test_each_part_of_a_basis_has_its_sentence(then: dict[str, Any], expected: str) -> None:
    assert basis_changes(PARTS, PARTS | then) == [expected]


def test_a_database_that_went_is_told() -> None:
    now = PARTS | {"database": ""}
    assert basis_changes(now, PARTS) == ["the vulnerability database is no longer here"]


def test_equal_bases_have_nothing_to_tell() -> None:
    assert basis_changes(PARTS, dict(PARTS)) == []
