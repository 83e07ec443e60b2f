"""What is published and was judged again: for people, and as a document. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from factory.model import Rejudged
from factory.report.tables import columns
from factory.report.words import verdict_words

_SHOWN = 10


def published_table(found: Sequence[Rejudged]) -> str:
    """A row each, and below it what is new in it since it was judged last, and what is gone."""
    if not found:
        return "nothing was published from here"
    rows = [
        [one.publication.build_id, one.publication.target, _words(one), _since(one)]
        for one in found
    ]
    changes = [
        line for one in found if one.new or one.gone for line in ("", _subject(one), *_changes(one))
    ]
    return "\n".join(
        [columns(["BUILD", "TARGET", "SCAN", "SINCE IT WAS JUDGED LAST"], rows), *changes]
    )


def published_document(found: Sequence[Rejudged]) -> dict[str, Any]:
    """Its shape is described in ``docs/scan.md``."""
    return {
        "published": [
            {
                "build": one.publication.build_id,
                "target": one.publication.target,
                "image": f"{one.publication.repository}:{one.publication.immutable}",
                "config_digest": one.publication.config_digest,
                "status": one.now.status.value if one.now else None,
                "reason": _words(one),
                "judged_before": one.before.at if one.before else None,
                "new": list(one.new),
                "gone": list(one.gone),
            }
            for one in found
        ]
    }


def _words(one: Rejudged) -> str:
    return verdict_words(one.now) if one.now else f"not judged: {one.why}"


def _since(one: Rejudged) -> str:
    if one.now is None:
        return ""
    counts = [
        f"{len(lines)} {word}" for lines, word in ((one.new, "new"), (one.gone, "gone")) if lines
    ]
    return ", ".join(counts) or "nothing changed"


def _subject(one: Rejudged) -> str:
    return f"{one.publication.build_id} → {one.publication.target}"


def _changes(one: Rejudged) -> list[str]:
    lines = [*(f"  + {line}" for line in one.new), *(f"  - {line}" for line in one.gone)]
    hidden = len(lines) - _SHOWN
    return lines if hidden <= 0 else [*lines[:_SHOWN], f"  … and {hidden} more"]
