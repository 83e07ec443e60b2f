"""Floating tags that moved, or should have: for people, and as documents. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from factory.model import Journal, Outcome, State
from factory.report.tables import columns
from factory.text import MARKS, clean

Document = dict[str, Any]


def move_document(journal: Journal) -> Document:
    """The tags of one group, and how far they have come."""
    return {
        "group": journal.group,
        "run": journal.run,
        "at": journal.at,
        "stage": journal.stage.value,
        "window_seconds": journal.window,
        "contested": journal.contested,
        "tags": [
            {
                "target": move.target,
                "tag": move.place,
                "before": move.before,
                "after": move.after,
                "moved": move.moved,
            }
            for move in journal.pending
        ],
    }


def resumed_document(outcomes: Sequence[Outcome], journals: Sequence[Journal]) -> Document:
    """What ``invoke publish --resume`` and ``invoke rollback`` print."""
    return {
        "moves": [move_document(one) for one in journals],
        "outcomes": [
            {
                "verb": one.verb,
                "subject": one.subject,
                "state": one.state.value,
                "reason": one.reason,
                "detail": list(one.detail),
                "code": one.code,
            }
            for one in outcomes
        ],
    }


def resumed_text(outcomes: Sequence[Outcome]) -> str:
    """A line for each group, and what went wrong."""
    if not outcomes:
        return "nothing is unfinished, and nothing was moved that could be put back"
    lines = [f"{MARKS[one.state]} {one.id}: {one.reason}" for one in outcomes]
    failed = [one for one in outcomes if one.state is State.FAILED]
    details = (
        f"\n✗ {one.id} failed\n" + "\n".join(f"  {it}" for it in one.detail) for one in failed
    )
    return clean("\n".join([*lines, *details]))


def runs_document(journals: Sequence[Journal]) -> Document:
    """What ``invoke runs`` prints."""
    return {"moves": [move_document(one) for one in journals]}


def runs_text(journals: Sequence[Journal], known: int) -> str:
    """Groups whose tags moved, newest first, of all that are known."""
    if not journals:
        return "no run has moved a floating tag from here"
    rows = [
        [
            one.run,
            one.at[:16],
            one.group,
            one.stage.value,
            str(len(one.pending)),
            "" if one.window is None else f"{one.window:.2f} s",
        ]
        for one in journals
    ]
    table = columns(["RUN", "BEGUN", "GROUP", "STAGE", "TAGS", "WITHIN"], rows)
    older = known - len(journals)
    more = f"\n… and {older} older: --last {known}" if older else ""
    return f"{table}{more}\n→ `invoke rollback --run RUN` puts the tags of one back"


def unfinished_text(journals: Sequence[Journal]) -> str:
    """The journals that a killed run left, with what to do; empty if there is none."""
    if not journals:
        return ""
    rows = [
        [
            one.group,
            one.stage.value,
            f"{sum(move.moved for move in one.pending)} of {len(one.pending)}",
            one.at[:16],
            one.run,
        ]
        for one in journals
    ]
    table = columns(["UNFINISHED", "STAGE", "TAGS MOVED", "BEGUN", "RUN"], rows)
    todo = "`invoke publish --resume` finishes it, `invoke rollback --run RUN` puts the tags back"
    return f"{table}\n→ {todo}"
