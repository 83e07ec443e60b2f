"""How the files of two images differ: for people, and as a document. Pure."""

from __future__ import annotations

from typing import Any

from factory.model import FileCounts, FileDifference
from factory.report.tables import columns

_UNITS = ("B", "KiB", "MiB", "GiB")
_STEP = 1024


def files_text(found: FileDifference) -> str:
    """Where they differ, what somebody should look at, and what could not be told."""
    parts = [_standing(found)]
    if found.total.files:
        rows = [(one.counts, one.path + (" (the rest)" if one.rest else "")) for one in found.lines]
        rows += [(counts, f"({what})") for what, counts in found.noise.items()]
        rows += [(found.total, "all")]
        header = ["ADDED", "CHANGED", "MODE", "DELETED", "BYTES", "BEFORE", "FILES"]
        parts.append(columns(header, [(*_row(counts), where) for counts, where in rows]))
    else:
        parts[0] += "; none differs"
    if found.noted:
        noted = [(one.path, one.why + (_HIDDEN if one.hidden else "")) for one in found.noted]
        parts.append(columns(["LOOK AT", "WHICH MAY BE"], noted))
    parts += _left_out(found)
    return "\n\n".join(parts)


_HIDDEN = " (deleted later, and still in a layer)"


def _standing(found: FileDifference) -> str:
    """What the files are held against."""
    above = f"{found.layers} layer{'' if found.layers == 1 else 's'}"
    if found.on_own:
        return f"files of {above} on top of the cell's own image"
    stands = "it does not stand on the cell's own image"
    if not found.shared:
        return f"files of {above}, all that it has: {stands}, and shares no layer with it"
    return f"files of {above} on top of the lowest {found.shared} of the cell's own: {stands}"


def _row(counts: FileCounts) -> list[str]:
    numbers = (counts.added, counts.changed, counts.attributes, counts.deleted)
    sizes = (counts.new_bytes, counts.old_bytes)
    return [*(f"{one:,}" if one else "" for one in numbers), *(_size(one) for one in sizes)]


def _size(size: int) -> str:
    """Bytes in the unit that fits; nothing for none."""
    if not size:
        return ""
    power = next((at for at in range(len(_UNITS) - 1) if size < _STEP ** (at + 1)), len(_UNITS) - 1)
    return f"{size / _STEP**power:.{min(power, 1)}f} {_UNITS[power]}"


def _left_out(found: FileDifference) -> list[str]:
    counted = {
        "more files to look at": found.noted_beyond,
        "entries of layers that were not looked at: there are too many": found.beyond,
        "entries of layers whose names no file can have": found.odd,
    }
    lines = [f"{number:,} {what}" for what, number in counted.items() if number]
    lines += [f"not read to its end: {why}" for why in found.unread]
    return ["\n".join(lines)] if lines else []


def files_document(found: FileDifference) -> dict[str, Any]:
    """Its shape is described in ``docs/adopt.md``."""
    return {
        "on_own": found.on_own,
        "shared_layers": found.shared,
        "layers": found.layers,
        "total": _counts(found.total),
        "where": [
            {"path": one.path, "rest": one.rest, **_counts(one.counts)} for one in found.lines
        ],
        "noise": [{"what": what, **_counts(counts)} for what, counts in found.noise.items()],
        "look_at": [
            {"path": one.path, "why": one.why, "bytes": one.size, "hidden": one.hidden}
            for one in found.noted
        ],
        "left_out": {
            "look_at": found.noted_beyond,
            "entries": found.beyond,
            "odd_names": found.odd,
            "unread": list(found.unread),
        },
    }


def _counts(counts: FileCounts) -> dict[str, int]:
    return {
        "added": counts.added,
        "changed": counts.changed,
        "mode_or_owner": counts.attributes,
        "deleted": counts.deleted,
        "bytes": counts.new_bytes,
        "bytes_before": counts.old_bytes,
    }
