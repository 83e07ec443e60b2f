"""What people and programs are shown of the matrix, the plan, a run and the ledger."""

from __future__ import annotations

import json
from typing import Any

from factory.model import (
    Build,
    Built,
    Excluded,
    Finding,
    Gate,
    Health,
    Outcome,
    Publication,
    Record,
    State,
    Status,
    Verdict,
)
from factory.report import (
    columns,
    doctor_table,
    documents,
    matrix_table,
    plan_table,
    status_table,
    summary,
)
from tests.unit.plan.projects import plan_of, project_of

PROJECT = project_of()
PLAN = plan_of(PROJECT)
BUILDS = [planned.build for planned in PLAN.builds]
FIRST, SECOND = PLAN.builds
DIGEST = "sha256:" + "0" * 64


def outcome(verb: str, subject: str, state: State, **more: Any) -> Outcome:
    return Outcome(verb=verb, subject=subject, state=state, **more)


def record(**more: Any) -> Record:
    return Record(build_id=FIRST.build.id, key=FIRST.key, **more)


def built() -> Built:
    fields: dict[str, Any] = {
        name: "x" for name in Built.__dataclass_fields__ if Built.__dataclass_fields__[name]
    }
    fields |= {"key": FIRST.key, "config_digest": DIGEST, "substituted_base": True}
    fields |= {"reason": "new key", "at": "2026-11-21T01:02:03+00:00", "seconds": 4.0}
    return Built(**fields)


def publication(key: str) -> Publication:
    return Publication(
        build_id=FIRST.build.id,
        key=key,
        target="local",
        repository="127.0.0.1:5000/demo",
        immutable=FIRST.immutable,
        floating=FIRST.floating,
        manifest_digest=DIGEST,
        config_digest=DIGEST,
        at="2026-11-21T01:02:03+00:00",
    )


def test_columns_are_aligned_without_trailing_space() -> None:
    assert columns(["A", "LONG", "C"], [["1", "2", ""], ["three", "4", "5"]]) == (
        "A      LONG  C\n1      2\nthree  4     5"
    )


def test_the_matrix_shows_cells_latest_counts_and_exclusions() -> None:
    gone = Excluded(cell=SECOND.build.cell, reason="too old", where="matrix.yaml:9:3")
    from dataclasses import replace

    matrix = replace(PROJECT.matrix, excluded=(gone,))
    text = matrix_table(matrix, BUILDS)
    assert text.splitlines()[1].split() == [
        "2.60.0-py311-cpu", "3.11", "2.60.0", "cpu", "false", "latest",
    ]  # fmt: skip
    assert "2 cells × 1 image (demo) = 2 builds" in text
    assert text.splitlines()[-1].split() == ["2.55.1-py311-cpu", "too", "old", "matrix.yaml:9:3"]
    document = documents.matrix(matrix, BUILDS)
    assert [cell["latest"] for cell in document["cells"]] == [True, False]
    assert document["excluded"] == [
        {"id": "2.55.1-py311-cpu", "reason": "too old", "where": "matrix.yaml:9:3"}
    ]


def test_the_plan_says_what_is_kept_what_is_built_and_why() -> None:
    known = {FIRST.steps[0]: "built yesterday"}
    lines = plan_table(PLAN, known).splitlines()
    assert lines[1].split()[:4] == [f"base@{FIRST.steps[0][:8]}", "keep", "built", "yesterday"]
    assert lines[2].split()[1] == "build"
    document = documents.plan(PLAN, known)
    assert [step["action"] for step in document["steps"]].count("keep") == 1
    assert document["builds"][0]["floating"] == ["2.60.0-py311-cpu", "latest"]
    assert json.loads(json.dumps(document)) == document


def test_a_run_is_summed_up_a_line_a_build_with_each_failure_explained() -> None:
    app = PLAN.steps[FIRST.key].label
    done = [
        outcome("build", app, State.DONE, seconds=61.4),
        outcome("scan", FIRST.build.id, State.DONE, reason="partial: no database", seconds=2.2),
        outcome("verify", FIRST.build.id, State.FAILED, detail=("it fell",), code=5),
        outcome("publish", f"{FIRST.build.id} → local", State.BLOCKED),
        outcome("build", PLAN.steps[SECOND.key].label, State.CACHED),
    ]
    text = summary(PLAN, done)
    lines = text.splitlines()
    assert lines[0].split() == ["BUILD", "BUILD", "SCAN", "VERIFY", "PUBLISH"]
    assert lines[1].split("  ")[-1].strip() == "blocked"
    assert "done 61 s" in lines[1]
    assert "(partial: no database)" in lines[1]
    assert "cached" in lines[2]
    assert "done" not in lines[2]
    assert text.endswith(f"✗ verify {FIRST.build.id}\n  it fell")
    codes = [one["code"] for one in documents.outcomes(PLAN, done)["outcomes"]]
    assert codes == [0, 0, 5, 0, 0]


def test_the_worst_of_several_targets_is_shown() -> None:
    done = [
        outcome("publish", f"{FIRST.build.id} → local", State.DONE),
        outcome("publish", f"{FIRST.build.id} → hub", State.FAILED),
    ]
    assert "failed" in summary(PLAN, done).splitlines()[1]


def test_the_ledger_is_shown_with_what_is_missing_as_missing() -> None:
    assert "ledger is empty" in status_table([])
    assert status_table([record()]).splitlines()[1].split()[2:] == ["-", "-", "-", "-"]
    verdict = Verdict(gate=Gate.SCAN, config_digest=DIGEST, basis="b", status=Status.PARTIAL)
    known = record(built=built(), verdicts=(verdict,), publications=(publication("f" * 64),))
    line = status_table([known]).splitlines()[1]
    assert "partial" in line
    assert "local (older)" in line, "what is published there is of another key"
    assert "2026-11-21T01:02, new key" in line
    (entry,) = documents.status([known])["builds"]
    assert entry["verdicts"]["scan"]["status"] == "partial"
    assert "verify" not in entry["verdicts"]
    assert entry["published"][0]["current"] is False
    assert json.loads(json.dumps(entry)) == entry


def test_the_doctor_gives_each_lack_its_remedy() -> None:
    findings = [
        Finding(name="engine", state=Health.OK, what="26.1.5"),
        Finding(name="Trivy", state=Health.MISSING, what="none", remedy="install it"),
    ]
    text = doctor_table(findings)
    assert "✓  engine  26.1.5" in text
    assert text.endswith("✗ Trivy: install it")
    assert documents.doctor(findings)["findings"][1]["state"] == "missing"


def test_builds_of_one_cell_count_it_once() -> None:
    twice = [*BUILDS, *(Build(image="other", cell=build.cell) for build in BUILDS)]
    assert "2 cells × 2 images (demo, other) = 4 builds" in matrix_table(PROJECT.matrix, twice)
