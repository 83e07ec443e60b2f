"""What `outdated` found, for people and for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from factory.model import Outdated
from factory.report.tables import columns

_SHOWN = 2
_DIGITS = 19


def outdated_table(found: Sequence[Outdated]) -> str:
    """A line for each thing that is not the newest any more."""
    if not found:
        return "nothing is outdated"
    rows = [
        (one.kind, one.name, one.now[:_DIGITS], _newest(one), _rebuilds(one), one.where)
        for one in found
    ]
    return columns(("KIND", "NAME", "NOW", "NEWEST", "REBUILDS", "WHERE"), rows)


def outdated_document(found: Sequence[Outdated]) -> list[dict[str, object]]:
    """The same, whole."""
    return [
        {
            "kind": one.kind,
            "name": one.name,
            "now": one.now,
            "newest": one.newest or None,
            "reason": one.reason or None,
            "where": one.where,
            "builds": list(one.builds),
        }
        for one in found
    ]


def _newest(one: Outdated) -> str:
    return one.newest[:_DIGITS] or (f"taken back: {one.reason}" if one.reason else "taken back")


def _rebuilds(one: Outdated) -> str:
    more = len(one.builds) - _SHOWN
    if not one.builds:
        return "nothing: new cells"
    return ", ".join(one.builds[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
