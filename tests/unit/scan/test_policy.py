"""What refuses an image, class by class."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory.model import NO_DATABASE, Check, CheckStatus, ScanPolicy, Status
from factory.scan.policy import judge, status_of
from factory.scan.report import Misconfiguration, Report, Secret, Vulnerability

POLICY = ScanPolicy()
SECRET = Secret(rule="private-key", severity="LOW", place="/app/key.pem:2")
CLEAN = Report(system="debian 12")
ROOT = Misconfiguration(rule="DS-0002", severity="HIGH", title="root")
FLAW = Vulnerability(
    id="CVE-2026-1",
    severity="CRITICAL",
    package="zlib1g",
    installed="1.2",
    fixed="1.3",
    place="debian 12",
)


def by_name(report: Report, policy: ScanPolicy = POLICY, why: str = "") -> dict[str, Check]:
    return {check.name: check for check in judge(report, policy, why)}


def test_an_image_without_findings_passes() -> None:
    checks = judge(CLEAN, POLICY)
    assert [check.name for check in checks] == ["secrets", "misconfiguration", "vulnerabilities"]
    assert status_of(checks) is Status.PASS


def test_any_secret_refuses_whatever_its_severity() -> None:
    check = by_name(Report(secrets=(SECRET,)))["secrets"]
    assert check.status is CheckStatus.FAIL
    assert check.reason == "1 secret refused"
    assert check.detail == ("LOW private-key in /app/key.pem:2",)


def test_without_a_database_vulnerabilities_are_skipped_and_the_whole_is_partial() -> None:
    checks = judge(Report(), POLICY, "no network")
    assert checks[-1].status is CheckStatus.SKIPPED
    assert checks[-1].reason == f"{NO_DATABASE}: no network"
    assert status_of(checks) is Status.PARTIAL


def test_a_failure_outranks_what_was_skipped() -> None:
    assert status_of(judge(Report(secrets=(SECRET,)), POLICY, "no network")) is Status.FAIL


def test_java_archives_without_their_database_make_the_whole_partial() -> None:
    checks = judge(replace(CLEAN, java_skipped=True), POLICY)
    assert checks[-1].name == "java-vulnerabilities"
    assert checks[-1].reason.startswith(NO_DATABASE)
    assert status_of(checks) is Status.PARTIAL


@pytest.mark.parametrize(
    ("severity", "status"),
    [
        ("CRITICAL", CheckStatus.FAIL),
        ("HIGH", CheckStatus.FAIL),
        ("MEDIUM", CheckStatus.PASS),
        ("LOW", CheckStatus.PASS),
    ],
)
def test_misconfigurations_refuse_by_severity(severity: str, status: CheckStatus) -> None:
    found = Report(misconfigurations=(replace(ROOT, severity=severity),))
    assert by_name(found)["misconfiguration"].status is status


def test_what_is_accepted_is_still_told() -> None:
    check = by_name(Report(misconfigurations=(replace(ROOT, severity="LOW"),)))["misconfiguration"]
    assert check.detail == ("accepted: LOW DS-0002 in the image configuration: root",)


def test_a_fixable_critical_vulnerability_refuses_and_says_what_fixes_it() -> None:
    check = by_name(replace(CLEAN, vulnerabilities=(FLAW,)))["vulnerabilities"]
    assert check.status is CheckStatus.FAIL
    assert check.reason == "1 vulnerability refused"
    assert check.detail == ("CRITICAL CVE-2026-1 in zlib1g 1.2 (debian 12): fixed in 1.3",)


def test_an_unfixed_vulnerability_refuses_only_where_the_policy_says_so() -> None:
    found = replace(CLEAN, vulnerabilities=(replace(FLAW, fixed=""),))
    strict = ScanPolicy(ignore_unfixed=False)
    assert by_name(found)["vulnerabilities"].status is CheckStatus.PASS
    assert by_name(found, strict)["vulnerabilities"].status is CheckStatus.FAIL


def test_packages_of_an_unknown_system_are_not_taken_for_sound() -> None:
    check = by_name(Report())["vulnerabilities"]
    assert check.status is CheckStatus.FAIL
    assert "no operating system" in check.reason


def test_the_worst_comes_first_and_a_flood_is_clipped() -> None:
    many = [replace(FLAW, id=f"CVE-2026-{n}", severity="LOW") for n in range(100)]
    detail = by_name(replace(CLEAN, vulnerabilities=(*many, FLAW)))["vulnerabilities"].detail
    assert detail[0].startswith("CRITICAL")
    assert detail[-1] == "… and 61 more"
