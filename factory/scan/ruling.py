"""What a policy makes of each finding: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from factory.model import Exemption, ScanPolicy
from factory.scan.origin import Origin
from factory.scan.report import (
    IMAGE_CONFIGURATION,
    Known,
    Misconfiguration,
    Report,
    Secret,
    Vulnerability,
)

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
_ROOT = frozenset({"DS002", "DS-0002"})
"""Trivy's rule on the user, by its old name and its new one; it refuses in any case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """A finding, and what comes of it.

    Attributes:
        id: of the vulnerability, or of the rule.
        place: the file or the distribution that has it.
        line: it in words.
        refuses: whether the image is refused for it.
        why: why it does not refuse, or, of what an exemption covered once, that it does again.
        exempt: what somebody says in its favour, if that is why.
    """

    id: str
    severity: str
    place: str
    line: str
    refuses: bool
    why: str = ""
    exempt: str = ""

    def __str__(self) -> str:
        return f"{self.line}; {self.why}" if self.why else self.line


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is judged, and by what.

    Attributes:
        report: what is in the image.
        known: what a database knows of it, or why there is none.
        policy: as it is about this image (``ScanPolicy.of``).
        today: exemptions end, and so does grace.
    """

    report: Report
    known: Known | str
    policy: ScanPolicy
    today: date

    def secrets(self) -> list[Ruling]:
        """Each secret: all refuse."""
        return [self._secret(one) for one in dict.fromkeys(self.report.secrets)]

    def misconfigurations(self) -> list[Ruling]:
        """Each rule that the configuration breaks."""
        return [self._misconfiguration(one) for one in self.report.misconfigurations]

    def vulnerabilities(self) -> list[Ruling]:
        """Each known vulnerability, the worst first; none where there is no database."""
        known = self.known.vulnerabilities if isinstance(self.known, Known) else ()
        return [self._vulnerability(one) for one in _worst_first(known)]

    def rulings(self) -> list[Ruling]:
        """All of these."""
        return [*self.secrets(), *self.misconfigurations(), *self.vulnerabilities()]

    def unused(self) -> list[Exemption]:
        """The exemptions that cover nothing; none where not all was looked for."""
        if not isinstance(self.known, Known):
            return []
        found = {(one.rule, one.subject) for one in self.report.misconfigurations}
        found |= {(one.id, one.package) for one in self.known.vulnerabilities}
        exemptions = self.policy.exemptions
        return [one for one in exemptions if not any(_covers(one, *it) for it in found)]

    def _secret(self, one: Secret) -> Ruling:
        line = f"{one.severity} {one.rule} in {one.place}{self._from(one.layer)}"
        return Ruling(id=one.rule, severity=one.severity, place=one.place, line=line, refuses=True)

    def _misconfiguration(self, one: Misconfiguration) -> Ruling:
        subject = f" ({one.subject})" if one.subject else ""
        found = Ruling(
            id=one.rule,
            severity=one.severity,
            place=IMAGE_CONFIGURATION,
            line=f"{one.severity} {one.rule} in {IMAGE_CONFIGURATION}: {one.title}{subject}",
            refuses=one.rule in _ROOT or one.severity in self.policy.misconfigurations,
        )
        exemptible = found.refuses and one.rule not in _ROOT
        return self._unless_exempt(found, one.subject) if exemptible else found

    def _vulnerability(self, one: Vulnerability) -> Ruling:
        """The first of these that holds keeps it from refusing: its severity, that there is no fix,
        grace, an exemption."""
        remedy = f"fixed in {one.fixed}" if one.fixed else "no fix yet"
        where = f"{one.place}{self._from(one.layer)}"
        origin = self.report.origins.get(one.layer)
        severities = self.policy.severities(inherited=origin is not None and origin.inherited)
        found = Ruling(
            id=one.id,
            severity=one.severity,
            place=one.place,
            line=f"{one.severity} {one.id} in {one.package} {one.installed} ({where}): {remedy}",
            refuses=one.severity in severities
            and bool(one.fixed or not self.policy.ignore_unfixed),
        )
        ends = _grace_ends(one, self.policy)
        if found.refuses and ends and self.today <= ends:
            return replace(found, refuses=False, why=f"in grace until {ends.isoformat()}")
        return self._unless_exempt(found, one.package) if found.refuses else found

    def _unless_exempt(self, found: Ruling, package: str) -> Ruling:
        covering = [one for one in self.policy.exemptions if _covers(one, found.id, package)]
        if not covering:
            return found
        last = max(covering, key=lambda one: one.until)
        if self.today.isoformat() > last.until:
            return replace(found, why=f"its exemption ended on {last.until}")
        why = f"exempt until {last.until}: {last.reason}"
        return replace(found, refuses=False, why=why, exempt=last.reason)

    def _from(self, layer: str) -> str:
        origin: Origin | None = self.report.origins.get(layer)
        return f", {origin}" if origin else ""


def _covers(one: Exemption, found: str, package: str) -> bool:
    return one.id == found and one.package in ("", package)


def _grace_ends(one: Vulnerability, policy: ScanPolicy) -> date | None:
    """The last day on which a vulnerability does not refuse for being new."""
    days = policy.grace_days.get(one.severity, 0)
    try:
        return date.fromisoformat(one.published[:10]) + timedelta(days=days) if days else None
    except (ValueError, OverflowError):
        return None


def _worst_first(found: Iterable[Vulnerability]) -> list[Vulnerability]:
    return sorted(found, key=lambda one: (_rank(one.severity), one.id, one.package))


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
