"""An inventory as what can be compared: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from factory.model import Content
from factory.scan.report import Known, Report

_PURL = re.compile(r"pkg:([a-z]+)/")


def content(report: Report, known: Known | None, materials: Mapping[str, Any]) -> Content:
    """What is in an image.

    Args:
        known: what a database knows of it, or ``None`` if there is no database.
        materials: its bill of materials, as CycloneDX has it.
    """
    findings = {f"secret: {one.rule} in {one.place}" for one in report.secrets}
    findings |= {
        f"{one.severity} {one.rule}: {one.title}{f' ({one.subject})' if one.subject else ''}"
        for one in report.misconfigurations
    }
    findings |= {
        f"{one.severity} {one.id} in {one.package} {one.installed}"
        for one in (known.vulnerabilities if known else ())
    }
    return Content(
        packages=_packages(materials),
        findings=frozenset(findings),
        judged=known is not None,
        sizes=report.sizes,
    )


def _packages(materials: Mapping[str, Any]) -> dict[str, str]:
    """Name to version; of what is there more than once, all versions."""
    found: dict[str, set[str]] = {}
    for one in materials.get("components") or ():
        kind = _PURL.match(str(one.get("purl") or ""))
        if kind:
            name = f"{kind[1]} {one.get('name')}"
            found.setdefault(name, set()).add(str(one.get("version") or ""))
    return {name: ", ".join(sorted(versions)) for name, versions in sorted(found.items())}
