"""What refuses an image: pure, from findings to checks."""

from __future__ import annotations

from collections.abc import Iterable

from factory.model import NO_DATABASE, Check, CheckStatus, ScanPolicy, Status
from factory.scan.report import Misconfiguration, Report, Secret, Vulnerability

SECRETS = "secrets"
MISCONFIGURATION = "misconfiguration"
VULNERABILITIES = "vulnerabilities"
JAVA = "java-vulnerabilities"

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
_SHOWN = 40


def judge(report: Report, policy: ScanPolicy, no_database: str = "") -> tuple[Check, ...]:
    """One check for each class of finding, always in the same order.

    Args:
        no_database: why vulnerabilities could not be looked for, or empty if they were.
    """
    return (
        _secrets(report.secrets),
        _misconfiguration(report.misconfigurations, policy),
        *_vulnerabilities(report, policy, no_database),
    )


def status_of(checks: Iterable[Check]) -> Status:
    """FAIL if any check failed, PARTIAL if one was skipped, else PASS."""
    found = {check.status for check in checks}
    if CheckStatus.FAIL in found:
        return Status.FAIL
    return Status.PARTIAL if CheckStatus.SKIPPED in found else Status.PASS


def _secrets(secrets: tuple[Secret, ...]) -> Check:
    lines = [f"{one.severity} {one.rule} in {one.place}" for one in dict.fromkeys(secrets)]
    return _check(SECRETS, refused=lines, noun="secret")


def _misconfiguration(found: tuple[Misconfiguration, ...], policy: ScanPolicy) -> Check:
    refused = [one for one in found if one.severity in policy.misconfigurations]
    return _check(
        MISCONFIGURATION,
        refused=[_misconfiguration_line(one) for one in refused],
        accepted=[_misconfiguration_line(one) for one in found if one not in refused],
        noun="misconfiguration",
    )


def _misconfiguration_line(one: Misconfiguration) -> str:
    subject = f" ({one.subject})" if one.subject else ""
    return f"{one.severity} {one.rule} in the image configuration: {one.title}{subject}"


def _vulnerabilities(report: Report, policy: ScanPolicy, no_database: str) -> tuple[Check, ...]:
    if no_database:
        reason = f"{NO_DATABASE}: {no_database}"
        return (Check(name=VULNERABILITIES, status=CheckStatus.SKIPPED, reason=reason),)
    if not report.system:
        reason = "no operating system was recognised in the image: its packages cannot be judged"
        return (Check(name=VULNERABILITIES, status=CheckStatus.FAIL, reason=reason),)
    refused = [one for one in report.vulnerabilities if _refuses(one, policy)]
    accepted = [one for one in report.vulnerabilities if one not in refused]
    judged = _check(
        VULNERABILITIES,
        refused=[_vulnerability_line(one) for one in _worst_first(refused)],
        accepted=[_vulnerability_line(one) for one in _worst_first(accepted)],
        noun="vulnerability",
        plural="vulnerabilities",
    )
    if not report.java_skipped:
        return (judged,)
    reason = f"{NO_DATABASE}: the image has Java archives, and there is no database for Java"
    return (judged, Check(name=JAVA, status=CheckStatus.SKIPPED, reason=reason))


def _refuses(one: Vulnerability, policy: ScanPolicy) -> bool:
    fixable = bool(one.fixed) or not policy.ignore_unfixed
    return one.severity in policy.vulnerabilities and fixable


def _worst_first(found: list[Vulnerability]) -> list[Vulnerability]:
    return sorted(found, key=lambda one: (_rank(one.severity), one.id, one.package))


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _vulnerability_line(one: Vulnerability) -> str:
    remedy = f"fixed in {one.fixed}" if one.fixed else "no fix yet"
    return f"{one.severity} {one.id} in {one.package} {one.installed} ({one.place}): {remedy}"


def _check(
    name: str, *, refused: list[str], noun: str, accepted: list[str] | None = None, plural: str = ""
) -> Check:
    kept = [f"accepted: {line}" for line in accepted or []]
    lines = tuple(_clip([*refused, *kept]))
    if not refused:
        return Check(name=name, status=CheckStatus.PASS, detail=lines)
    count = len(refused)
    reason = f"{count} {noun if count == 1 else plural or noun + 's'} refused"
    return Check(name=name, status=CheckStatus.FAIL, reason=reason, detail=lines)


def _clip(lines: list[str]) -> list[str]:
    hidden = len(lines) - _SHOWN
    return lines if hidden <= 0 else [*lines[:_SHOWN], f"… and {hidden} more"]
