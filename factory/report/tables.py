"""Tables for people: plain text, aligned, no wider than what is in them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from factory.model import (
    KEY_DIGITS,
    REQUIRED,
    Build,
    Cohort,
    Finding,
    Health,
    Matrix,
    Naming,
    Pair,
    PairRecord,
    Plan,
    PlannedBuild,
    Record,
    Status,
    Step,
    Target,
)
from factory.model.target import LOCAL
from factory.text import distinct

_SHORT = 12
_GAP = "  "


def columns(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    width: int | None = None,
    flexible: Sequence[tuple[int, int]] = (),
) -> str:
    """Rows under a header, aligned by column.

    Args:
        header, rows: the cells.
        width: what there is room for; ``None`` if nothing need be cut.
        flexible: where that is too little, which columns (by position) give way, in this order,
            each down to so many characters. Cells lose their middle; different ones stay different.
    """
    table = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(header))]
    for at, least in flexible if width is not None else ():
        excess = sum(widths) + len(_GAP) * (len(widths) - 1) - (width or 0)
        if excess > 0 and widths[at] > least:
            widths[at] = max(widths[at] - excess, least)
            shown = distinct([row[at] for row in table], widths[at])
            for row, cell in zip(table, shown, strict=True):
                row[at] = cell
    lines = [
        _GAP.join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    return "\n".join(line[:width] for line in lines)


def matrix_table(matrix: Matrix, builds: Sequence[Build], pairs: Sequence[Pair] = ()) -> str:
    """The cells of some builds, what is verified together, and what the matrix excludes and why.

    Args:
        pairs: of these builds with others, or with each other.
    """
    cells = list(dict.fromkeys(build.cell for build in builds))
    images = list(dict.fromkeys(build.image for build in builds))
    rows = [
        [cell.id, *cell.axes.values(), "latest" if cell == matrix.latest else ""] for cell in cells
    ]
    text = columns(["CELL", *(axis.upper() for axis in cells[0].axes), ""], rows)
    each = [f"{sum(build.image == name for build in builds)} of {name}" for name in images]
    text += f"\n\n{_count(cells, 'cell')} → {_count(builds, 'build')}: {', '.join(each)}"
    text += _together(pairs, [cohort for cohort in matrix.cohorts if cohort.refused])
    if not all(_is_plain(target) for target in matrix.targets):
        text += "\n\n" + _targets(matrix.targets)
    if matrix.excluded:
        gone = [[entry.cell.id, entry.reason, entry.where] for entry in matrix.excluded]
        text += "\n\n" + columns(["EXCLUDED", "REASON", "WHERE"], gone)
    return text


def _targets(targets: Sequence[Target]) -> str:
    """Where builds are published, and the templates of their names."""
    rows = []
    for target in targets:
        naming = target.naming or Naming()
        names = [naming.repository, naming.tag, ", ".join(naming.floating)]
        rows.append([target.name, target.kind, target.registry, *names, ", ".join(naming.aliases)])
    header = ["TARGET", "KIND", "REGISTRY", "REPOSITORY", "IMMUTABLE TAG", "FLOATING TAGS"]
    return columns([*header, "ALIASES"], rows)


def _together(pairs: Sequence[Pair], refused: Sequence[Cohort]) -> str:
    """What is verified together, and what must not be."""
    rows = [
        [pair.cohort, pair.head.id, pair.workers.id, pair.refused and f"refused: {pair.refused}"]
        for pair in pairs
    ]
    rows += [[one.name, "-", "-", f"refused: {one.refused} ({one.where})"] for one in refused]
    noted = "NOTE" if any(row[-1] for row in rows) else ""
    return "\n\n" + columns(["COHORT", "HEAD", "WORKERS", noted], rows) if rows else ""


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def plan_table(
    plan: Plan,
    done: Mapping[str, str],
    reasons: Mapping[str, str] = MappingProxyType({}),
    refused: Sequence[Cohort] = (),
    targets: Sequence[Target] = (),
) -> str:
    """Distinct steps with what would happen to each and why, then the builds with their tags, and
    which of them are verified together.

    Args:
        plan: what is planned.
        done: key to what is known of a step that exists already.
        reasons: key to why it would be made otherwise.
        refused: the cohorts that pair nothing.
        targets: where builds would be published.
    """
    users: dict[str, int] = {}
    for planned in plan.builds:
        for key in planned.steps:
            users[key] = users.get(key, 0) + 1
    steps = [
        [
            step.label,
            "keep" if key in done else "build",
            _unresolved(step) or done.get(key) or reasons.get(key, "first build"),
            f"{users[key]} build{'s' if users[key] > 1 else ''}",
        ]
        for key, step in plan.steps.items()
    ]
    return (
        columns(["STEP", "ACTION", "WHY", "USED BY"], steps)
        + "\n\n"
        + _tags(plan, targets)
        + _together(plan.pairs, refused)
    )


def _unresolved(step: Step) -> str:
    """What has to be looked up before a step's key is final; empty where it is."""
    names = ", ".join(step.unresolved)
    return f"unresolved: a build looks up {names}" if names else ""


def _tags(plan: Plan, targets: Sequence[Target]) -> str:
    """What builds are called, a line for each target, where not all is as it is by itself."""
    if all(_is_plain(target) for target in targets) and len(targets) < 2:
        builds = [
            [one.build.id, _known(plan, one, one.immutable), ", ".join(one.floating)]
            for one in plan.builds
        ]
        return columns(["BUILD", "IMMUTABLE TAG", "FLOATING TAGS"], builds)
    rows = []
    for one in plan.builds:
        for target in targets:
            names = target.names(one)
            tag = _known(plan, one, names.immutable)
            rows.append(
                [one.build.id, target.name, names.repository, tag, ", ".join(names.floating)]
            )
    return columns(["BUILD", "TARGET", "REPOSITORY", "IMMUTABLE TAG", "FLOATING TAGS"], rows)


def _is_plain(target: Target) -> bool:
    """Whether it is the local registry, with names as they are by themselves."""
    latest = target.naming.latest if target.naming else None
    return target.kind == LOCAL and target.naming in (None, Naming(latest=latest))


def _known(plan: Plan, planned: PlannedBuild, tag: str) -> str:
    """An immutable tag as far as it is known: the key in it may not be final."""
    if not plan.steps[planned.key].unresolved:
        return tag
    return tag.replace(planned.key[:KEY_DIGITS], "…")


def status_table(records: Iterable[Record], pairs: Sequence[PairRecord] = ()) -> str:
    """What the ledger knows, a line a build, and then a line a pair of them."""
    rows = []
    for record in records:
        verdicts = {verdict.gate: verdict for verdict in record.verdicts}
        judged = [_verdict(verdicts[gate].status) if gate in verdicts else "-" for gate in REQUIRED]
        places = [
            f"{one.target}{'' if one.key == record.key else ' (older)'}"
            for one in record.publications
        ]
        built = f"{record.built.at[:16]}, {record.built.reason}" if record.built else "-"
        rows.append(
            [record.build_id, record.key[:_SHORT], built, *judged, ", ".join(places) or "-"]
        )
    if not rows:
        return "The ledger is empty: nothing was built here yet."
    text = columns(["BUILD", "KEY", "BUILT", "SCAN", "VERIFY", "PUBLISHED"], rows)
    if pairs:
        both = [[one.head, one.workers, _verdict(one.verdict.status)] for one in pairs]
        text += "\n\n" + columns(["HEAD", "WORKERS", "VERIFY"], both)
    return text


def _verdict(status: Status) -> str:
    return status.value


def doctor_table(findings: Iterable[Finding]) -> str:
    """What this machine has and lacks, and how to mend it."""
    found = list(findings)
    marks = {Health.OK: "✓", Health.WARN: "!", Health.MISSING: "✗"}
    lines = [
        columns(["", "WHAT", "FOUND"], [[marks[one.state], one.name, one.what] for one in found])
    ]
    lines += [f"{marks[one.state]} {one.name}: {one.remedy}" for one in found if one.remedy]
    return "\n".join([lines[0], *([""] if len(lines) > 1 else []), *lines[1:]])
