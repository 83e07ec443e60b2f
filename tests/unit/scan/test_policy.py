"""What refuses an image, class by class."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from factory.model import (
    NO_DATABASE,
    NO_JAVA_DATABASE,
    Check,
    CheckStatus,
    Exemption,
    ScanPolicy,
    SizeBudget,
    Status,
)
from factory.scan.origin import Origin
from factory.scan.policy import judge, reasons, status_of
from factory.scan.report import Known, Misconfiguration, Report, Secret, Vulnerability
from factory.scan.ruling import Bench

POLICY = ScanPolicy()
NOTHING = Known()
TODAY = date(2026, 11, 29)
SECRET = Secret(rule="private-key", severity="LOW", place="/app/key.pem:2")
CLEAN = Report(system="debian 12")
ROOT = Misconfiguration(rule="DS-0002", severity="HIGH", title="root")
OTHER = replace(ROOT, rule="DS-0026", title="no health check")
BASE_LAYER, APP_LAYER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
ORIGINS = {
    BASE_LAYER: Origin(step="base", inherited=True),
    APP_LAYER: Origin(step="ray-app", inherited=False),
}
FLAW = Vulnerability(
    id="CVE-2026-1",
    severity="CRITICAL",
    package="zlib1g",
    installed="1.2",
    fixed="1.3",
    place="debian 12",
)


def judged(
    report: Report, known: Known | str = NOTHING, policy: ScanPolicy = POLICY
) -> tuple[Check, ...]:
    return judge(Bench(report=report, known=known, policy=policy, today=TODAY))


def by_name(
    report: Report, policy: ScanPolicy = POLICY, known: Known | str = NOTHING
) -> dict[str, Check]:
    return {check.name: check for check in judged(report, known, policy)}


def test_an_image_without_findings_passes() -> None:
    checks = judged(CLEAN)
    assert [check.name for check in checks] == [
        *("secrets", "misconfiguration", "end-of-life", "vulnerabilities")
    ]
    assert status_of(checks) is Status.PASS


def test_any_secret_refuses_whatever_its_severity() -> None:
    check = by_name(Report(secrets=(SECRET,)))["secrets"]
    assert check.status is CheckStatus.FAIL
    assert check.reason == "1 secret refused"
    assert check.detail == ("LOW private-key in /app/key.pem:2",)


def test_without_a_database_vulnerabilities_are_skipped_and_the_whole_is_partial() -> None:
    checks = judged(Report(), "no network")
    assert checks[-1].status is CheckStatus.SKIPPED
    assert checks[-1].reason == f"{NO_DATABASE}: no network"
    assert status_of(checks) is Status.PARTIAL


def test_a_failure_outranks_what_was_skipped() -> None:
    assert status_of(judged(Report(secrets=(SECRET,)), "no network")) is Status.FAIL


def test_java_archives_without_their_database_make_the_whole_partial() -> None:
    checks = judged(replace(CLEAN, java_skipped=True))
    assert checks[-1].name == "java-vulnerabilities"
    assert checks[-1].reason.startswith(NO_JAVA_DATABASE)
    assert status_of(checks) is Status.PARTIAL
    assert reasons(checks) == (NO_JAVA_DATABASE,)


def test_why_it_is_partial_is_said_in_words_that_a_target_can_accept() -> None:
    assert reasons(judged(CLEAN)) == ()
    assert reasons(judged(replace(CLEAN, java_skipped=True), "no network")) == (NO_DATABASE,)


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
    found = Report(misconfigurations=(replace(OTHER, severity=severity),))
    assert by_name(found)["misconfiguration"].status is status


def test_what_is_accepted_is_still_told() -> None:
    check = by_name(Report(misconfigurations=(replace(OTHER, severity="LOW"),)))["misconfiguration"]
    assert check.detail == ("accepted: LOW DS-0026 in the image configuration: no health check",)


def test_a_fixable_critical_vulnerability_refuses_and_says_what_fixes_it() -> None:
    check = by_name(CLEAN, known=Known(vulnerabilities=(FLAW,)))["vulnerabilities"]
    assert check.status is CheckStatus.FAIL
    assert check.reason == "1 vulnerability refused"
    assert check.detail == ("CRITICAL CVE-2026-1 in zlib1g 1.2 (debian 12): fixed in 1.3",)


def test_an_unfixed_vulnerability_refuses_only_where_the_policy_says_so() -> None:
    known = Known(vulnerabilities=(replace(FLAW, fixed=""),))
    strict = ScanPolicy(ignore_unfixed=False)
    assert by_name(CLEAN, known=known)["vulnerabilities"].status is CheckStatus.PASS
    assert by_name(CLEAN, strict, known)["vulnerabilities"].status is CheckStatus.FAIL


def test_packages_of_an_unknown_system_are_not_taken_for_sound() -> None:
    check = by_name(Report())["vulnerabilities"]
    assert check.status is CheckStatus.FAIL
    assert "no operating system" in check.reason


def test_the_worst_comes_first_and_a_flood_is_clipped() -> None:
    many = [replace(FLAW, id=f"CVE-2026-{n}", severity="LOW") for n in range(100)]
    detail = by_name(CLEAN, known=Known(vulnerabilities=(*many, FLAW)))["vulnerabilities"].detail
    assert detail[0].startswith("CRITICAL")
    assert detail[-1] == "… and 61 more"


@pytest.mark.parametrize("rule", ["DS-0002", "DS002"])
def test_an_image_that_runs_as_root_refuses_whatever_the_policy_says(rule: str) -> None:
    lenient = ScanPolicy(
        misconfigurations=frozenset(),
        exemptions=(Exemption(id=rule, reason="no", until="2099-01-01"),),
    )
    found = Report(misconfigurations=(replace(ROOT, rule=rule),))
    assert by_name(found, lenient)["misconfiguration"].status is CheckStatus.FAIL


def vulnerabilities(policy: ScanPolicy, **changes: str) -> Check:
    """What comes of one vulnerability of an image with a base and an application."""
    known = Known(vulnerabilities=(replace(FLAW, **changes),))
    return by_name(replace(CLEAN, origins=ORIGINS), policy, known)["vulnerabilities"]


def test_a_finding_says_what_brought_it() -> None:
    assert "(debian 12, inherited from base)" in vulnerabilities(POLICY, layer=BASE_LAYER).detail[0]
    assert "(debian 12, from ray-app)" in vulnerabilities(POLICY, layer=APP_LAYER).detail[0]
    assert "(debian 12)" in vulnerabilities(POLICY, layer="sha256:3").detail[0]


def test_what_the_base_brought_may_be_judged_otherwise() -> None:
    policy = ScanPolicy(inherited=frozenset())
    assert vulnerabilities(policy, layer=BASE_LAYER).status is CheckStatus.PASS
    assert vulnerabilities(policy, layer=APP_LAYER).status is CheckStatus.FAIL
    assert vulnerabilities(policy).status is CheckStatus.FAIL, "of nobody knows what: it is ours"


@pytest.mark.parametrize(
    ("published", "status"),
    [
        ("2026-11-22T10:00:00Z", CheckStatus.PASS),
        ("2026-11-21T10:00:00Z", CheckStatus.FAIL),
        ("", CheckStatus.FAIL),
        ("some day", CheckStatus.FAIL),
    ],
)
def test_what_became_known_lately_is_given_grace(published: str, status: CheckStatus) -> None:
    check = vulnerabilities(ScanPolicy(grace_days={"CRITICAL": 7}), published=published)
    assert check.status is status
    if status is CheckStatus.PASS:
        assert check.detail[0].endswith("; in grace until 2026-11-29")


def test_grace_is_of_a_severity() -> None:
    policy = ScanPolicy(grace_days={"HIGH": 7})
    assert vulnerabilities(policy, published="2026-11-28").status is CheckStatus.FAIL


def exempting(**changes: Any) -> ScanPolicy:
    one = Exemption(id="CVE-2026-1", reason="not reachable", until="2026-11-29")
    return ScanPolicy(exemptions=(replace(one, **changes),))


def test_an_exemption_holds_until_its_day_and_says_why() -> None:
    check = vulnerabilities(exempting())
    assert check.status is CheckStatus.PASS
    assert check.detail[0].startswith("accepted: ")
    assert check.detail[0].endswith("; exempt until 2026-11-29: not reachable")


def test_an_exemption_that_ended_refuses_and_says_so() -> None:
    check = vulnerabilities(exempting(until="2026-11-28"))
    assert check.status is CheckStatus.FAIL
    assert check.detail[0].endswith("; its exemption ended on 2026-11-28")


@pytest.mark.parametrize("changes", [{"id": "CVE-2026-2"}, {"package": "openssl"}])
def test_an_exemption_covers_what_it_names(changes: dict[str, str]) -> None:
    assert vulnerabilities(exempting(**changes)).status is CheckStatus.FAIL


def test_an_exemption_that_covers_nothing_is_told() -> None:
    unused = by_name(CLEAN, exempting(package="zlib1g"))["exemptions"]
    assert unused.status is CheckStatus.PASS
    assert unused.detail == ("unused: CVE-2026-1 in zlib1g, until 2026-11-29",)
    used = by_name(CLEAN, exempting(), Known(vulnerabilities=(FLAW,)))["exemptions"]
    assert used.detail == ()


def test_without_a_database_no_exemption_is_called_unused() -> None:
    assert by_name(CLEAN, exempting(), "no network")["exemptions"].detail == ()


def test_a_rule_may_be_exempt_too() -> None:
    found = replace(CLEAN, misconfigurations=(OTHER,))
    assert by_name(found)["misconfiguration"].status is CheckStatus.FAIL
    assert by_name(found, exempting(id="DS-0026"))["misconfiguration"].status is CheckStatus.PASS


def test_a_system_without_fixes_refuses_unless_the_policy_accepts_it() -> None:
    old = Known(end_of_life=True)
    check = by_name(CLEAN, known=old)["end-of-life"]
    assert check.reason == "debian 12 gets no fixes any more"
    assert check.status is CheckStatus.FAIL
    lenient = ScanPolicy(end_of_life=False)
    assert "end-of-life" not in by_name(CLEAN, lenient, old)
    assert "end-of-life" not in by_name(CLEAN, lenient, "no network")


@pytest.mark.parametrize(
    ("size", "status"), [(2 * 2**20, CheckStatus.PASS), (2 * 2**20 + 1, CheckStatus.FAIL)]
)
def test_an_image_over_its_budget_refuses(size: int, status: CheckStatus) -> None:
    policy = ScanPolicy(sizes=(SizeBudget(mebibytes=2),))
    check = by_name(replace(CLEAN, size=size), policy)["size"]
    assert check.status is status
    assert check.reason == ("3 MiB, of a budget of 2 MiB" if status is CheckStatus.FAIL else "")


@pytest.mark.parametrize(("whole", "where"), [(3 * 2**20, ""), (2**22, " on the engine's disk")])
def test_the_parts_of_a_size_add_up_to_it_or_say_that_they_are_counted_otherwise(
    whole: int, where: str
) -> None:
    policy = ScanPolicy(sizes=(SizeBudget(mebibytes=1),))
    image = replace(CLEAN, size=whole, sizes={"base": 2**20, "app": 2**21})
    assert by_name(image, policy)["size"].detail == (
        f"2 MiB from app{where}",
        f"1 MiB from base{where}",
    )
