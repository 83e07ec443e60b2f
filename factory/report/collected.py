"""What was, or would be, removed from a target, for people and as a document. Pure."""

from __future__ import annotations

from typing import Any

from factory.model import Collected, Decision
from factory.report.tables import columns
from factory.text import clean, one_line

_DIGEST = 19


def collected_text(found: Collected) -> str:
    """A row an image, and a line that counts."""
    if not found.decisions:
        return f"nothing of what is selected is known to be at {found.target}"
    rows = [
        [
            _word(found, one),
            f"{one.repository}@{one.digest[:_DIGEST]}",
            ", ".join(one.tags),
            one_line(one.why),
        ]
        for one in found.decisions
    ]
    table = columns(["", "IMAGE", "TAGS", "WHY"], rows)
    return clean(f"{table}\n\n{_count(found)}")


def collected_document(found: Collected) -> dict[str, Any]:
    """Its shape is described in ``docs/promote.md``."""
    return {
        "target": found.target,
        "applied": found.applied,
        "hindrance": found.hindrance or None,
        "images": [
            {
                "repository": one.repository,
                "digest": one.digest,
                "tags": list(one.tags),
                "attached": list(one.attached),
                "build": one.build_id or None,
                "keep": one.keep,
                "why": one.why,
                "removed": one.digest in found.removed,
            }
            for one in found.decisions
        ],
    }


def _word(found: Collected, one: Decision) -> str:
    if one.keep:
        return "keep"
    return "removed" if one.digest in found.removed else "remove"


def _count(found: Collected) -> str:
    going = sum(not one.keep for one in found.decisions)
    kept = len(found.decisions) - going
    if found.applied:
        return f"{len(found.removed)} removed, {len(found.decisions) - len(found.removed)} kept"
    if going and found.hindrance:
        return f"{kept} kept, {going} that nothing keeps, and that stay. {found.hindrance}"
    return f"{kept} kept, {going} to remove" + (": run again with --apply" if going else "")
