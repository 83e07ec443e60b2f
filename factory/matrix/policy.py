"""``policy.scan`` → ``ScanPolicy``, for everybody or as it is at one target."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from factory.errors import ConfigError
from factory.matrix.cells import axes_of, rule_of
from factory.matrix.document import Document, Path
from factory.matrix.schema import ExemptionSpec, MatrixSpec, ScanSpec, SizeSpec
from factory.model import Exemption, ScanPolicy, SizeBudget


def scan_policy(spec: MatrixSpec, document: Document, target: str | None = None) -> ScanPolicy:
    """What the scan gate refuses.

    Args:
        target: the name of the one whose policy it is; each key that it has of its own is meant
            whole, and not added to everybody's.

    Raises:
        ConfigError: a day is none, or a budget is for cells that cannot be.
    """
    general, own = spec.policy.scan, spec.targets[target].scan if target else None
    special = own.model_fields_set if own else frozenset[str]()
    scan = general.model_copy(update={name: getattr(own, name) for name in special})

    def path(key: str) -> Path:
        return ("targets", str(target), "scan") if key in special else ("policy", "scan")

    exemptions = (*path("exemptions"), "exemptions")
    sizes = (*path("sizes"), "sizes")
    return ScanPolicy(
        vulnerabilities=_levels(scan.vulnerabilities),
        inherited=None if scan.inherited is None else _levels(scan.inherited),
        misconfigurations=_levels(scan.misconfigurations),
        ignore_unfixed=scan.ignore_unfixed,
        grace_days={level.upper(): days for level, days in scan.grace_days.items()},
        end_of_life=scan.end_of_life == "refuse",
        database_max_age_days=scan.database_days,
        database_mirror=scan.database_mirror,
        java_database_mirror=scan.java_database_mirror,
        exemptions=tuple(
            _exemption(one, document, (*exemptions, at)) for at, one in enumerate(scan.exemptions)
        ),
        sizes=_sizes(scan, spec, document, sizes),
    )


def _levels(severities: Iterable[str]) -> frozenset[str]:
    return frozenset(level.upper() for level in severities)


def _exemption(spec: ExemptionSpec, document: Document, path: Path) -> Exemption:
    try:
        date.fromisoformat(spec.until)
    except ValueError:
        raise ConfigError(
            f"{spec.until} is no day of any month",
            where=document.where((*path, "until")),
            todo='write the last day on which it holds, such as "2027-01-31"',
        ) from None
    return Exemption(
        id=spec.id,
        reason=spec.reason,
        until=spec.until,
        package=spec.package or "",
        images=tuple(spec.images or ()),
    )


def _sizes(
    scan: ScanSpec, spec: MatrixSpec, document: Document, path: Path
) -> tuple[SizeBudget, ...]:
    known = axes_of(spec)

    def budget(one: SizeSpec, at: int) -> SizeBudget:
        rule = rule_of(one.where, known, document, (*path, at, "where"))
        where = tuple((axis, tuple(sorted(values))) for axis, values in rule.items())
        return SizeBudget(mebibytes=one.mebibytes, where=where, image=one.image or "")

    return tuple(budget(one, at) for at, one in enumerate(scan.sizes))
