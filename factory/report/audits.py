"""What an image carries, for people and programs. Pure."""

from __future__ import annotations

from typing import Any

from factory.model import Audit, BuildRecord, Piece
from factory.report.tables import columns
from factory.report.words import verdict_words
from factory.text import clean, one_line, shorten

_WHY_WIDTH = 20
_LONGEST = 200


def audit_text(found: Audit, *, width: int | None = None) -> str:
    """A line a piece of evidence, what is missing, and what all of it comes to.

    Args:
        width: of the terminal; ``None`` where nothing need be cut.
    """
    subject = found.subject
    records = [_made(piece.record) for piece in found.pieces if piece.record]
    rows = [_row("✓", piece, _says(piece)) for piece in found.pieces]
    rows += [_row("!", piece, piece.why) for piece in found.ignored]
    rows += [[f"– {name}", "", "", "there is none"] for name in found.missing]
    parts = [
        "\n".join([found.ref, subject.digest, f"configuration {subject.config_digest}", *records]),
        columns(
            ["  EVIDENCE", "OF", "SIGNED", "SAYS"], rows, width=width, flexible=[(3, _WHY_WIDTH)]
        ),
        f"also there: {', '.join(map(_short, found.others))}" if found.others else "",
        f"not read: {found.unread} more documents about it" if found.unread else "",
        _conclusion(found),
    ]
    return clean("\n\n".join(part for part in parts if part))


def _row(mark: str, piece: Piece, says: str) -> list[str]:
    by = piece.signer or ("not checked" if piece.signed else "no")
    return [f"{mark} {_short(piece.title)}", one_line(piece.at)[:16], one_line(by), _short(says)]


def _short(text: str) -> str:
    """In a line that a stranger cannot make endless."""
    return shorten(one_line(text), _LONGEST)


def _says(piece: Piece) -> str:
    if piece.verdict:
        return verdict_words(piece.verdict)
    if piece.record:
        return f"{piece.record.build_id}, key {piece.record.key[:12]}"
    return f"{piece.components} components"


def _made(record: BuildRecord) -> str:
    base = ", ".join(f"{name} {value}" for name, value in record.base.items())
    stand_in = " (a substitute)" if record.substituted_base else ""
    return one_line(f"revision {record.revision or 'unknown'}, on {base}{stand_in}")


def _conclusion(found: Audit) -> str:
    partial = [f"partial: {_short(reason)}" for reason in found.partial]
    if not found.refusals:
        return "\n".join([*partial, "every gate satisfies the policy"])
    return "\n".join([*partial, *(f"refused: {_short(reason)}" for reason in found.refusals)])


def audit_document(found: Audit) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "ref": found.ref,
        "digest": found.subject.digest,
        "config_digest": found.subject.config_digest,
        "ok": not found.refusals,
        "refusals": list(found.refusals),
        "partial": list(found.partial),
        "missing": list(found.missing),
        "evidence": [_piece(piece) for piece in found.pieces],
        "ignored": [_piece(piece) for piece in found.ignored],
        "others": list(found.others),
        "unread": found.unread,
        "policy": {
            "target": found.terms.target or None,
            "accept": sorted(found.terms.accept),
            "signed": found.terms.signed,
            "max_age_days": found.terms.max_age_days,
        },
    }


def _piece(piece: Piece) -> dict[str, Any]:
    verdict, record = piece.verdict, piece.record
    return {
        "about": piece.about,
        "pair": (verdict.pair if verdict else "") or None,
        "at": piece.at,
        "signed": piece.signed,
        "signer": piece.signer or None,
        "why": piece.why,
        "status": verdict.status.value if verdict else None,
        "partial": list(verdict.partial) if verdict else [],
        "checks": [
            {"name": one.name, "status": one.status.value, "reason": one.reason}
            for one in (verdict.checks if verdict else ())
        ],
        "build": {
            "id": record.build_id,
            "key": record.key,
            "base": dict(record.base),
            "revision": record.revision or None,
            "substituted_base": record.substituted_base,
            "steps": [dict(step) for step in record.steps],
        }
        if record
        else None,
        "components": piece.components,
    }
