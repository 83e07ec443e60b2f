"""What the scan gate refuses, as the user wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from factory.model.cell import Build, When, matches


@dataclass(frozen=True, kw_only=True, slots=True)
class Exemption:
    """A finding that somebody has accepted until a day.

    Attributes:
        id: of the vulnerability, or of the rule.
        reason: why, for whoever reads the report.
        until: the last day on which it holds, as ``2027-01-31``.
        package: only in this package; in any if empty.
        images: only in images that match one of these globs; in any if empty.
    """

    id: str
    reason: str
    until: str
    package: str = ""
    images: tuple[str, ...] = ()

    def covers(self, build: Build) -> bool:
        """Whether it is made for a build's image."""
        return not self.images or any(fnmatchcase(build.image, glob) for glob in self.images)


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeBudget:
    """How large images may be, in some cells."""

    mebibytes: int
    where: When = ()
    image: str = ""

    def covers(self, build: Build) -> bool:
        """Whether a build is held to it."""
        return self.image in ("", build.image) and matches(self.where, build.cell)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanPolicy:
    """What the scan gate refuses. A secret always is, and so is an image that runs as root.

    Attributes:
        vulnerabilities: severities that refuse, in capitals.
        inherited: likewise, of what the base brought; ``None`` for the same.
        misconfigurations: likewise.
        ignore_unfixed: a vulnerability that nobody has a fix for is reported, and not refused.
        grace_days: severity to the days after its publication in which a vulnerability does not
            refuse. One whose day is not known has none.
        end_of_life: whether an operating system that gets no fixes any more refuses.
        database_max_age_days: a vulnerability database older than this counts as none.
        database_mirror: the repository that has the database, or ``None`` for Trivy's own.
        java_database_mirror: likewise of the one by which Java archives are told apart.
        exemptions: what was accepted in spite of all this.
        sizes: budgets; a build is held to the last that covers it, if one does.
    """

    vulnerabilities: frozenset[str] = frozenset({"CRITICAL"})
    inherited: frozenset[str] | None = None
    misconfigurations: frozenset[str] = frozenset({"CRITICAL", "HIGH"})
    ignore_unfixed: bool = True
    grace_days: Mapping[str, int] = field(default_factory=dict)
    end_of_life: bool = True
    database_max_age_days: int = 7
    database_mirror: str | None = None
    java_database_mirror: str | None = None
    exemptions: tuple[Exemption, ...] = ()
    sizes: tuple[SizeBudget, ...] = ()

    def of(self, build: Build | None) -> ScanPolicy:
        """What of it is about the image of a build: a change of the rest changes no verdict on it.
        An image that is no build's (``None``) has neither exemptions nor a budget."""
        budgets = [one for one in self.sizes if build and one.covers(build)][-1:]
        return replace(
            self,
            exemptions=tuple(one for one in self.exemptions if build and one.covers(build)),
            sizes=tuple(SizeBudget(mebibytes=one.mebibytes) for one in budgets),
        )

    def severities(self, *, inherited: bool) -> frozenset[str]:
        """Those at which a vulnerability refuses."""
        own = self.vulnerabilities
        return self.inherited if inherited and self.inherited is not None else own

    @property
    def by_day(self) -> bool:
        """Whether what it refuses depends on the day."""
        return bool(self.grace_days or self.exemptions or self.end_of_life)
