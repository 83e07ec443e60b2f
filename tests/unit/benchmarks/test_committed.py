"""The figures that are committed have the form that the documentation describes."""

from __future__ import annotations

import json
import re

from benchmarks.catalogue import BENCHES, FIGURES, SOAKS

FILES = sorted(FIGURES.glob("*.json"))
MACHINE = {"cores", "memory_bytes", "system", "engine", "store", "trivy", "python"}


def test_no_figure_is_of_what_cannot_be_measured() -> None:
    known = [*BENCHES.items(), *SOAKS.items()]
    names = [entry.figure or name for name, entry in known]
    assert {file.stem for file in FILES} <= set(names)
    assert len(set(names)) == len(names), "two would write one file"


def test_each_says_what_was_measured_how_when_and_on_what() -> None:
    for file in FILES:
        document = json.loads(file.read_text("utf-8"))
        assert document["name"] == file.stem
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", document["at"])
        assert document["method"], file
        assert set(document["machine"]) >= MACHINE, file
        assert document["values"], file
        for target in document["targets"]:
            assert target["met"] is (target["value"] <= target["limit"]), file
