"""Findings for code hosts: what refuses is an error, what is exempt is suppressed."""

from __future__ import annotations

from dataclasses import replace

from factory.scan.ruling import Ruling
from factory.scan.sarif import sarif

REFUSED = Ruling(
    id="CVE-2026-1",
    severity="CRITICAL",
    place="/home/ray/a b/METADATA",
    line="CRITICAL CVE-2026-1 in x 1 (…): fixed in 2",
    refuses=True,
)
EXEMPT = replace(REFUSED, refuses=False, why="exempt until 2027-01-31: no", exempt="no")
OTHER = replace(REFUSED, id="CVE-2026-2", severity="UNKNOWN", place="debian 12", refuses=False)


def test_each_finding_is_a_result_with_a_rule_and_a_place() -> None:
    [run] = sarif("ray-app:1", [REFUSED, EXEMPT, OTHER], "0.76.0")["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["CVE-2026-1", "CVE-2026-2"]
    assert [one["level"] for one in run["results"]] == ["error", "note", "note"]
    assert [one.get("suppressions") for one in run["results"]] == [
        None,
        [{"kind": "external", "justification": "no"}],
        None,
    ]
    first = run["results"][0]
    assert first["message"]["text"] == f"ray-app:1: {REFUSED.line}"
    [location] = first["locations"]
    uri = location["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "home/ray/a%20b/METADATA"


def test_hosts_sort_by_a_number_where_the_severity_is_known() -> None:
    [run] = sarif("x", [REFUSED, OTHER], "0.76.0")["runs"]
    known, unknown = run["tool"]["driver"]["rules"]
    assert known["properties"] == {"security-severity": "9.5"}
    assert "properties" not in unknown


def test_an_image_without_findings_has_an_empty_run() -> None:
    log = sarif("x", [], "0.76.0")
    assert log["version"] == "2.1.0"
    assert log["runs"][0]["results"] == []
