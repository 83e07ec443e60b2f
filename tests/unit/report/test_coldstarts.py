"""What workers take to start, for people, for programs and for a CI."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from factory.model import COLD_START, Check, CheckStatus, ColdStart, Gate, Release, Status, Timing
from factory.model import Verdict as Verdict_
from factory.report import verdict_words
from factory.report.coldstarts import (
    cold_start_document,
    cold_start_properties,
    cold_start_table,
    what_changed,
)
from factory.report.junit import junit

BUILD = "demo:2.60.0-py311-cpu"
FULL = Timing(seconds=4.05, runs=(4.05, 4.9, 3.2), budget=15)
SLOW = Timing(seconds=36.0, runs=(36.0,), budget=30)
ALONE = ColdStart(build_id=BUILD, full=FULL, throttled=SLOW)
RELEASE = Release(
    tag="2.60.0-py311-cpu-07f4",
    target="local",
    at="2026-11-21T04:04:44+00:00",
    full=Timing(seconds=3.9, runs=(3.9,)),
    throttled=Timing(seconds=12.0, runs=(12.0,)),
)
SINCE = replace(ALONE, release=RELEASE, changed=("main.py changed", "ray 2.59.0 → 2.60.0"))


def line(one: ColdStart) -> str:
    return cold_start_table([one]).splitlines()[1]


def test_the_table_has_now_and_then_and_what_lies_between() -> None:
    found = line(SINCE).split("  ")
    assert [word.strip() for word in found if word] == [
        BUILD,
        "4.0 s of 15 s",
        "36.0 s of 30 s ✗",
        "2026-11-21: 3.9 s, 12.0 s",
        "main.py changed, and 1 more",
    ]


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (ALONE, "nothing else was published"),
        (replace(SINCE, release=replace(RELEASE, full=None, throttled=None)), "not measured"),
        (replace(SINCE, changed=(), known=False), "what it was made of is not known"),
        (replace(SINCE, changed=()), "nothing changed"),
        (replace(ALONE, full=replace(FULL, budget=None)), " 4.0 s  "),
        (replace(ALONE, full=None), " -  "),
    ],
)
def test_what_is_not_known_is_said(one: ColdStart, says: str) -> None:
    assert says in line(one)


def test_the_table_fits_a_terminal() -> None:
    assert max(map(len, cold_start_table([SINCE], width=90).splitlines())) <= 90
    assert cold_start_table([]) == ""


def test_programs_get_every_figure() -> None:
    document = cold_start_document(SINCE)
    assert document["full"] == {"seconds": 4.05, "runs": [4.05, 4.9, 3.2], "budget": 15}
    assert document["release"]["throttled"]["seconds"] == 12.0
    assert document["changed"] == ["main.py changed", "ray 2.59.0 → 2.60.0"]
    assert cold_start_document(ALONE)["release"] is None
    assert cold_start_document(ALONE)["changed"] is None
    assert cold_start_document(replace(SINCE, known=False))["changed"] is None


def verdict(gate: Gate, *checks: Check) -> Verdict_:
    return Verdict_(gate=gate, config_digest="c", basis="b", status=Status.PASS, checks=checks)


def test_a_ci_gets_properties_of_this_suite_alone() -> None:
    verdicts = [verdict(Gate.SCAN), verdict(Gate.COLD_START)]
    root = ElementTree.fromstring(junit(BUILD, verdicts, cold_start_properties(SINCE)))
    scan, cold = root
    assert scan.find("properties") is None
    found = {it.attrib["name"]: it.attrib["value"] for it in cold.iterfind("properties/property")}
    assert found == {
        "cold-start.seconds": "4.050",
        "cold-start.budget": "15",
        "cold-start.released": "3.900",
        "cold-start-throttled.seconds": "36.000",
        "cold-start-throttled.budget": "30",
        "cold-start-throttled.released": "12.000",
        "released": RELEASE.tag,
        "changed": "main.py changed, and 1 more",
    }
    assert "released" not in cold_start_properties(ALONE)


def test_the_verdict_in_a_line_is_the_figures() -> None:
    check = Check(name=COLD_START, status=CheckStatus.PASS, timing=FULL)
    other = Check(name="boot", status=CheckStatus.PASS)
    assert verdict_words(verdict(Gate.COLD_START, other, check)) == "cold-start 4.0 s"
    assert what_changed(ALONE) == ""
