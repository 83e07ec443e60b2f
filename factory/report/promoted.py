"""What was promoted, for people and as a document. Pure."""

from __future__ import annotations

from typing import Any

from factory.model import Outcome, Promoted, State
from factory.report.moves import move_document
from factory.report.tables import columns
from factory.report.words import code_words
from factory.text import MARKS, clean, one_line

_BAD = (State.FAILED, State.BLOCKED, State.CANCELLED)


def promoted_text(found: Promoted) -> str:
    """A row a build, each failure in full, and a line on what went over the wire."""
    rows = [_row(build, *both) for build, both in _by_build(found).items()]
    rows += [[f"{MARKS[State.BLOCKED]} {one}", "", "", _absent(found)] for one in found.absent]
    failed = [one for one in found.outcomes if one.state is State.FAILED]
    parts = [
        columns(["  BUILD", "IMAGE", "TAGS", ""], rows),
        *("\n".join(_failure(one)) for one in failed),
        f"{found.source} → {found.target}: {_wire(found)}",
    ]
    return clean("\n\n".join(parts))


def promoted_document(found: Promoted) -> dict[str, Any]:
    """Its shape is described in ``docs/json.md``."""
    return {
        "from": found.source,
        "to": found.target,
        "builds": [
            {
                "build": build,
                "image": image.state.value,
                "tags": tags.state.value,
                "reason": _reason(image, tags),
                "detail": list(image.detail or tags.detail),
                "code": image.code or tags.code,
            }
            for build, (image, tags) in _by_build(found).items()
        ],
        "moves": [move_document(one) for one in found.journals],
        "absent": list(found.absent),
        "blobs": {
            "mounted": found.mounted,
            "sent": found.sent,
            "sent_bytes": found.sent_bytes,
        },
    }


def _by_build(found: Promoted) -> dict[str, tuple[Outcome, Outcome]]:
    of = {one.id: one for one in found.outcomes}
    images = [one for one in found.outcomes if one.verb == "promote"]
    return {one.subject: (one, of[f"move {found.groups[one.subject]}"]) for one in images}


def _row(build: str, image: Outcome, tags: Outcome) -> list[str]:
    worst = next((one for one in (image, tags) if one.state in _BAD), tags)
    done = State.DONE in (image.state, tags.state)
    mark = worst.state if worst.state in _BAD else State.DONE if done else State.CACHED
    return [
        f"{MARKS[mark]} {build}",
        _word(image, "copied"),
        _word(tags, "moved"),
        one_line(_reason(image, tags)),
    ]


def _word(outcome: Outcome, done: str) -> str:
    if outcome.state is State.DONE:
        return done
    return "there" if outcome.state is State.CACHED else outcome.state.value


def _reason(image: Outcome, tags: Outcome) -> str:
    return next((one.reason for one in (image, tags) if one.state in _BAD), tags.reason)


def _absent(found: Promoted) -> str:
    return f"not published at {found.source}"


def _failure(outcome: Outcome) -> list[str]:
    lines = outcome.detail or (outcome.reason,)
    head = f"✗ {outcome.id} failed (exit code {outcome.code}: {code_words(outcome.code)})"
    return [head, *(f"  {line}" for line in lines)]


def _wire(found: Promoted) -> str:
    if not (found.mounted or found.sent):
        return "nothing had to be copied"
    sent = f"{found.sent} blobs sent ({found.sent_bytes / 1e6:.1f} MB)"
    return f"{found.mounted} blobs mounted, {sent}"
