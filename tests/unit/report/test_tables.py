"""What people and programs are shown of the matrix, the plan, a run and the ledger."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from factory.model import (
    Build,
    Built,
    Cohort,
    Excluded,
    Finding,
    Gate,
    Health,
    Pair,
    PairRecord,
    Publication,
    Record,
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
)
from tests.conftest import MATRIX
from tests.unit.plan.projects import plan_of, project_of

PROJECT = project_of()
PLAN = plan_of(PROJECT)
BUILDS = [planned.build for planned in PLAN.builds]
FIRST, SECOND = PLAN.builds
DIGEST = "sha256:" + "0" * 64


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
    matrix = replace(PROJECT.matrix, excluded=(gone,))
    text = matrix_table(matrix, BUILDS)
    assert text.splitlines()[1].split() == [
        "2.60.0-py311-cpu", "3.11", "2.60.0", "cpu", "false", "latest",
    ]  # fmt: skip
    assert "2 cells → 2 builds: 2 of demo" in text
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


def test_the_plan_says_what_is_not_known_yet_instead_of_a_key_that_will_change() -> None:
    project = project_of(MATRIX.replace("source: packages", "source: registry"))
    ref = "docker.io/rayproject/ray:2.60.0-py311-cpu"
    plan = plan_of(project)
    first = plan.builds[0]
    steps, builds = (part.splitlines() for part in plan_table(plan, {}).split("\n\n"))
    assert [f"unresolved: a build looks up {ref}" in line for line in steps[1:4]] == [True] * 3
    assert builds[1].split() == [
        first.build.id,
        "2.60.0-py311-cpu-…",
        "2.60.0-py311-cpu,",
        "latest",
    ]
    assert documents.plan(plan, {})["steps"][2]["unresolved"] == [ref]

    pins = {step.unresolved[0]: DIGEST for step in plan.steps.values()}
    found = plan_of(project, pins)
    assert "unresolved" not in plan_table(found, {})
    assert found.builds[0].immutable in plan_table(found, {})
    assert {tuple(step["unresolved"]) for step in documents.plan(found, {})["steps"]} == {()}


def test_columns_that_may_give_way_do_so_in_order_and_stay_distinct() -> None:
    header, rows = ["NAME", "STATE", "WHY"], [["image-one", "done", "because it is so"]] * 2
    rows = [*rows, ["image-two", "done", "because it is not"]]
    flexible = [(2, 6), (0, 5)]
    full = columns(header, rows)
    widest = max(map(len, full.splitlines()))
    assert columns(header, rows, width=widest, flexible=flexible) == full
    lines = columns(header, rows, width=25, flexible=flexible).splitlines()
    assert max(map(len, lines)) <= 25
    assert "image-one" in lines[1], "the reason gives way first"
    lines = columns(header, rows, width=20, flexible=flexible).splitlines()
    assert max(map(len, lines)) <= 20
    assert lines[1] != lines[3]
    assert all("done" in line for line in lines[1:]), "what may not give way does not"


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
    assert "2 cells → 4 builds: 2 of demo, 2 of other" in matrix_table(PROJECT.matrix, twice)


PAIR = Pair(cohort="both", head=FIRST.build, workers=SECOND.build)
TYPO = Cohort(name="typo", where="matrix.yaml:9:3", refused="its head names no cell")


def test_what_is_verified_together_is_shown_and_what_must_not_be_with_the_reason() -> None:
    lines = matrix_table(replace(PROJECT.matrix, cohorts=(TYPO,)), BUILDS, [PAIR]).splitlines()
    at = lines.index("COHORT  HEAD                   WORKERS                NOTE")
    assert lines[at + 1].split(maxsplit=3) == [
        "both", FIRST.build.id, SECOND.build.id,
        "refused: Ray is 2.60.0 on the head and 2.55.1 on the workers",
    ]  # fmt: skip
    assert lines[at + 2].split() == [
        *("typo", "-", "-", "refused:", "its", "head", "names", "no", "cell", "(matrix.yaml:9:3)"),
    ]
    plan = replace(PLAN, pairs=(PAIR,))
    assert plan_table(plan, {}, refused=[TYPO]).splitlines()[-3:] == lines[at : at + 3]
    assert (
        documents.plan(plan, {})["pairs"] == documents.matrix(PROJECT.matrix, [], [PAIR])["pairs"]
    )
    assert "COHORT" not in matrix_table(PROJECT.matrix, BUILDS)


def test_the_ledger_shows_pairs_below_the_builds() -> None:
    verdict = Verdict(gate=Gate.VERIFY, config_digest=DIGEST, basis="b", status=Status.PASS)
    pair = PairRecord(head=FIRST.build.id, workers=SECOND.build.id, verdict=verdict)
    assert status_table([record()], [pair]).splitlines()[-1].split() == [
        FIRST.build.id,
        SECOND.build.id,
        "pass",
    ]
    assert documents.status([], [pair])["pairs"][0]["status"] == "pass"


def test_targets_are_shown_where_they_are_more_than_the_local_registry() -> None:
    hub = "  local: {kind: local}\n  hub: {kind: hub, namespace: acme, aliases: [omit-python]}\n"
    project = project_of(MATRIX.replace("  local: {kind: local}\n", hub))
    found = plan_of(project)
    first = found.builds[0]
    lines = plan_table(found, {}, targets=project.matrix.targets).split("\n\n")[1].splitlines()
    assert lines[0].split()[:3] == ["BUILD", "TARGET", "REPOSITORY"]
    assert lines[2].split() == [
        first.build.id, "hub", "docker.io/acme/demo", first.immutable, "2.60.0-py311-cpu,",
        "2.60.0-cpu",
    ]  # fmt: skip
    document = documents.plan(found, {}, targets=project.matrix.targets)
    assert [one["target"] for one in document["builds"][0]["targets"]] == ["local", "hub"]
    text = matrix_table(project.matrix, BUILDS)
    assert "hub     hub    docker.io/acme  {image}" in text
    assert "TARGET" not in matrix_table(PROJECT.matrix, BUILDS)
    assert "TARGET" not in plan_table(PLAN, {}, targets=PROJECT.matrix.targets)


def test_a_key_that_is_not_final_is_not_shown_in_any_template() -> None:
    text = MATRIX.replace("source: packages", "source: registry")
    project = project_of(text.replace("{kind: local}", "{kind: local, tag: 'b-{key}-{py}'}"))
    assert " b-…-py311 " in plan_table(plan_of(project), {}, targets=project.matrix.targets)
