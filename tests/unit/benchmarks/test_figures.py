from __future__ import annotations

import json

import pytest

from benchmarks.figures import MISSED, Figure, Target, by_verb, ratio


def figure(*targets: Target) -> Figure:
    return Figure(
        name="release",
        at="2026-11-21T06:00:00+00:00",
        method="How.",
        machine={"cores": 2},
        values={"seconds": 12.5, "builds": ["a", "b"]},
        targets=targets,
    )


def target(value: float, limit: float = 0.7) -> Target:
    return Target(name="time", value=value, limit=limit, unit="s")


def test_a_target_is_met_up_to_its_limit_and_no_further() -> None:
    assert target(0.7).met
    assert not target(0.701).met


def test_the_exit_code_is_0_only_if_every_target_is_met() -> None:
    assert figure().exit_code == 0
    assert figure(target(0.5), target(0.7)).exit_code == 0
    assert figure(target(0.5), target(0.9)).exit_code == MISSED == 1


def test_the_document_holds_all_that_the_figure_does_and_what_became_of_each_target() -> None:
    document = json.loads(figure(target(0.5), target(0.9)).json())
    assert list(document) == ["name", "at", "method", "machine", "values", "targets"]
    assert document["values"] == {"seconds": 12.5, "builds": ["a", "b"]}
    assert [one["met"] for one in document["targets"]] == [True, False]
    assert document["targets"][0] == {
        "name": "time", "value": 0.5, "limit": 0.7, "unit": "s", "met": True,
    }  # fmt: skip  # a line a value is too much


def test_the_text_shows_values_that_fit_a_line_and_says_which_target_was_missed() -> None:
    text = figure(target(0.5), target(0.9)).text()
    lines = [line.split() for line in text.splitlines()]
    assert ["seconds", "12.5"] in lines
    assert "builds" not in text
    assert ["time", "0.5", "s", "≤", "0.7", "met"] in lines
    assert ["time", "0.9", "s", "≤", "0.7", "MISSED"] in lines


def test_a_ratio_is_ours_by_theirs() -> None:
    assert ratio(350.0, 1000.0) == 0.35


def test_there_is_no_ratio_to_nothing() -> None:
    with pytest.raises(ValueError, match="no time"):
        ratio(1.0, 0.0)


def test_seconds_are_summed_by_verb_in_the_order_of_their_coming() -> None:
    timings = [("scan", 1.0), ("build", 2.0), ("scan", 0.5)]
    assert list(by_verb(timings).items()) == [("scan", 1.5), ("build", 2.0)]
