"""How two images differ: for people, and as a document. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.model import ContentDifference
from factory.report.tables import columns

_MEBIBYTE = 2**20
_NONE = "–"


def difference_text(one: str, other: str, found: ContentDifference) -> str:
    """Packages, findings and bytes, in this order; what is equal is not shown.

    Args:
        one, other: the images, as they were named.
    """
    parts = [f"from {one} to {other}"]
    if found.packages:
        rows = [(name, old or _NONE, new or _NONE) for name, (old, new) in found.packages.items()]
        parts.append(columns(["PACKAGE", "FROM", "TO"], rows))
    findings = [*(f"+ {line}" for line in found.new), *(f"- {line}" for line in found.gone)]
    if findings:
        parts.append("\n".join(["FINDINGS", *findings]))
    if not found.judged:
        parts.append("vulnerabilities were not compared: there is no database (`invoke db fetch`)")
    parts.append(columns(["STEP", "FROM", "TO", "MORE"], _sizes(found)))
    return "\n\n".join(parts)


def _sizes(found: ContentDifference) -> Iterator[tuple[str, str, str, str]]:
    pairs = found.sizes.values()
    total = (sum(old for old, _ in pairs), sum(new for _, new in pairs))
    for step, (old, new) in {**found.sizes, "all": total}.items():
        yield step, _mib(old), _mib(new), f"{(new - old) / _MEBIBYTE:+.1f} MiB"


def _mib(size: int) -> str:
    return f"{size / _MEBIBYTE:.1f} MiB"


def difference_document(one: str, other: str, found: ContentDifference) -> dict[str, Any]:
    """Its shape is described in ``docs/scan.md``."""
    return {
        "from": one,
        "to": other,
        "packages": [
            {"name": name, "from": old, "to": new} for name, (old, new) in found.packages.items()
        ],
        "findings": {"new": list(found.new), "gone": list(found.gone), "judged": found.judged},
        "sizes": [
            {"step": step, "from": old, "to": new} for step, (old, new) in found.sizes.items()
        ],
    }
