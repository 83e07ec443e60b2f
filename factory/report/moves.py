"""Floating tags that moved, or should have: for people, and as documents. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from factory.model import Journal, Move, Outcome, Stage, State
from factory.report.tables import columns
from factory.text import MARKS, clean

Document = dict[str, Any]

_NAMED = 3
"""How many tags that stay are named of a run; all of them are in its document."""


def move_document(journal: Journal) -> Document:
    """The tags of one group, and how far they have come. Of what was rolled back, only those tags
    are moved still that could not be put back."""
    return {
        "group": journal.group,
        "run": journal.run,
        "at": journal.at,
        "stage": _stage(journal),
        "window_seconds": journal.window,
        "contested": journal.contested,
        "tags": [
            {
                "target": move.target,
                "tag": move.place,
                "before": move.before,
                "after": move.after,
                "moved": _is_moved(journal, move),
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


def _staying(journal: Journal) -> tuple[str, ...]:
    """The tags that were not put back when all that could be was."""
    return journal.staying if journal.stage is Stage.UNDONE else ()


def _is_moved(journal: Journal, move: Move) -> bool:
    """Whether a tag names what it was moved to, as far as the journal says."""
    return move.place in journal.staying if journal.stage is Stage.UNDONE else move.moved


def _count(journal: Journal) -> int:
    """How many tags it moved, or is to move; of what was rolled back, how many were put back."""
    return len(journal.pending) - len(_staying(journal))


def _stage(journal: Journal) -> str:
    """How far it has come; a rollback that left tags does not pass for a whole one."""
    if not _staying(journal):
        return journal.stage.value
    return f"{Stage.UNDONE} in part" if _count(journal) else f"not {Stage.UNDONE}"


def _left(journal: Journal) -> str:
    """A line on the tags that a rollback could not put back."""
    named = ", ".join(journal.staying[:_NAMED])
    count = len(journal.staying)
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    return (
        f"! the rollback of run {journal.run} left {count} tag{'' if count == 1 else 's'}, new "
        f"then, that the registry does not delete: {named}{more}"
    )


def runs_text(journals: Sequence[Journal], known: int) -> str:
    """Groups whose tags moved, newest first, of all that are known."""
    if not journals:
        return "no run has moved a floating tag from here"
    rows = [
        [
            one.run,
            one.at[:16],
            one.group,
            _stage(one),
            str(_count(one)),
            "" if one.window is None else f"{one.window:.2f} s",
        ]
        for one in journals
    ]
    table = columns(["RUN", "BEGUN", "GROUP", "STAGE", "TAGS", "WITHIN"], rows)
    older = known - len(journals)
    more = f"\n… and {older} older: --last {known}" if older else ""
    left = "".join(f"\n{_left(one)}" for one in journals if _staying(one))
    return f"{table}{more}{left}\n→ `invoke rollback --run RUN` puts the tags of one back"


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
