"""What workers take to start, beside the last release: as a table, as data, for a CI. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from factory.model import COLD_START, THROTTLED, ColdStart, Release, Timing
from factory.report.tables import columns
from factory.text import one_line

_ID_WIDTH, _WHAT_WIDTH = 22, 30
_MEASURES = (("full", COLD_START), ("throttled", THROTTLED))


def cold_start_table(found: Sequence[ColdStart], *, width: int | None = None) -> str:
    """A line a build; empty if nothing was measured.

    Args:
        found: what was measured.
        width: of the terminal; ``None`` where nothing need be cut.
    """
    if not found:
        return ""
    rows = [
        [
            one.build_id,
            _now(one.full),
            _now(one.throttled),
            _then(one.release),
            one_line(what_changed(one)),
        ]
        for one in found
    ]
    header = ["COLD START", "FULL CPU", "0.2 CPU", "LAST RELEASE", "SINCE THEN"]
    return columns(
        header, rows, width=width, flexible=[(4, _WHAT_WIDTH), (0, _ID_WIDTH), (3, _ID_WIDTH)]
    )


def what_changed(one: ColdStart) -> str:
    """What differs from the last release, in a line."""
    if one.release is None:
        return ""
    if not one.known:
        return "what it was made of is not known"
    if not one.changed:
        return "nothing changed"
    more = f", and {len(one.changed) - 1} more" if len(one.changed) > 1 else ""
    return f"{one.changed[0]}{more}"


def cold_start_document(one: ColdStart) -> dict[str, Any]:
    """For programs."""
    release = one.release
    return {
        "build": one.build_id,
        "full": timing_document(one.full),
        "throttled": timing_document(one.throttled),
        "release": release
        and {
            "tag": release.tag,
            "target": release.target,
            "at": release.at,
            "full": timing_document(release.full),
            "throttled": timing_document(release.throttled),
        },
        "changed": list(one.changed) if release and one.known else None,
    }


def timing_document(timing: Timing | None) -> dict[str, Any] | None:
    """What was measured, or nothing."""
    if timing is None:
        return None
    return {"seconds": timing.seconds, "runs": list(timing.runs), "budget": timing.budget}


def cold_start_properties(one: ColdStart) -> dict[str, str]:
    """For JUnit: flat, and only what is there."""
    found: dict[str, str] = {}
    for field, check in _MEASURES:
        now: Timing | None = getattr(one, field)
        then: Timing | None = getattr(one.release, field, None)
        if now:
            found[f"{check}.seconds"] = f"{now.seconds:.3f}"
        if now and now.budget is not None:
            found[f"{check}.budget"] = f"{now.budget:g}"
        if then:
            found[f"{check}.released"] = f"{then.seconds:.3f}"
    if one.release:
        found["released"] = one.release.tag
        found["changed"] = what_changed(one)
    return found


def _now(timing: Timing | None) -> str:
    if timing is None:
        return "-"
    budget = "" if timing.budget is None else f" of {timing.budget:g} s"
    return f"{timing.seconds:.1f} s{budget}{' ✗' if timing.over else ''}"


def _then(release: Release | None) -> str:
    if release is None:
        return "nothing else was published"
    taken = [f"{it.seconds:.1f} s" for it in (release.full, release.throttled) if it]
    return f"{release.at[:10]}: {', '.join(taken) or 'not measured'}"
