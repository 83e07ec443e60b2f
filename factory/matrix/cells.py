"""Axes, exclude and include → cells."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from factory.errors import ConfigError
from factory.matrix.document import Document
from factory.matrix.grammar import allowed, shown
from factory.matrix.schema import MatrixSpec, Scalar
from factory.matrix.validate import near
from factory.model import KEY_DIGITS, Cell, Excluded

_FIXED = ("python", "ray", "device", "rllib")
_MOST_CELLS = 20_000
_LONGEST_ID = (
    128 - 1 - KEY_DIGITS
)  # a tag has at most 128 characters, of which a key takes its part


@dataclass(frozen=True, kw_only=True)
class Span:
    """Kept cells in order, the excluded with their reasons, and the cell ``latest`` names."""

    cells: tuple[Cell, ...]
    excluded: tuple[Excluded, ...]
    latest: Cell | None


def span(spec: MatrixSpec, document: Document) -> Span:
    """Span the matrix.

    Raises:
        ConfigError: an unknown axis, a rule that matches nothing, no cell left, two cells with one
            id, or a ``latest`` that does not name exactly one cell.
    """
    axes = axes_of(spec)
    _check_names(axes, document)
    spanned = list(_product(axes))
    excluded = _exclude(spec, document, axes, spanned)
    gone = {entry.cell for entry in excluded}
    cells = [cell for cell in spanned if cell not in gone]
    spanned_count = len(cells)
    cells += _include(spec, document, axes)
    if not cells:
        raise ConfigError(
            "no cell is left: everything is excluded",
            where=document.where(("axes",)),
            todo="exclude less; `invoke matrix` shows what was excluded and why",
        )
    _check_tags(cells, document, spanned_count)
    return Span(
        cells=tuple(cells),
        excluded=tuple(excluded),
        latest=_latest(spec, document, axes, cells),
    )


def axes_of(spec: MatrixSpec) -> dict[str, list[str]]:
    """The axes and their values, as text."""
    fixed = {name: [_text(value) for value in getattr(spec.axes, name)] for name in _FIXED}
    return fixed | dict(spec.axes.__pydantic_extra__)


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _check_names(axes: Mapping[str, list[str]], document: Document) -> None:
    for name, values in axes.items():
        where = document.where(("axes", name))
        if not allowed("axis name", name):
            raise ConfigError(
                f"{shown(name)} is not a valid name for an axis",
                where=where,
                todo="use lower-case letters, digits and _",
            )
        twice = {value for value in values if values.count(value) > 1}
        if twice:
            raise ConfigError(
                f"axis {name} has {sorted(twice)[0]} twice", where=where, todo="keep one of them"
            )
    size = 1
    for values in axes.values():
        size *= len(values)
    if size > _MOST_CELLS:
        raise ConfigError(
            f"the axes span {size:,} cells, more than {_MOST_CELLS:,}",
            where=document.where(("axes",)),
            todo="name fewer values, and `include` single cells",
        )


def _product(axes: Mapping[str, list[str]]) -> Iterable[Cell]:
    for values in itertools.product(*axes.values()):
        yield _cell(dict(zip(axes, values, strict=True)))


def _cell(values: Mapping[str, str]) -> Cell:
    return Cell(
        python=values["python"],
        ray=values["ray"],
        device=values["device"],
        rllib=values["rllib"] == "true",
        extra=tuple((name, value) for name, value in values.items() if name not in _FIXED),
    )


def matches_rule(cell: Cell, rule: Mapping[str, set[str]]) -> bool:
    """Whether a cell has, of each axis that a rule names, one of its values."""
    return all(cell.axes[axis] in values for axis, values in rule.items())


def rule_of(
    where: Mapping[str, Scalar | list[Scalar]],
    axes: Mapping[str, list[str]],
    document: Document,
    path: tuple[str | int, ...],
) -> dict[str, set[str]]:
    """A rule as it was written, in words that there are.

    Args:
        axes: the axes and the values that they have.
        path: where it stands.

    Raises:
        ConfigError: it names an axis or a value that does not exist.
    """
    rule = {}
    for axis, value in where.items():
        if axis not in axes:
            raise ConfigError(
                f"unknown axis {shown(axis)}",
                where=document.where((*path, axis)),
                todo=near(axis, axes),
            )
        values = {_text(item) for item in (value if isinstance(value, list) else [value])}
        for unknown in sorted(values - set(axes[axis])):
            raise ConfigError(
                f"axis {axis} has no value {shown(unknown)}",
                where=document.where((*path, axis)),
                todo=near(unknown, axes[axis]),
            )
        rule[axis] = values
    return rule


def _exclude(
    spec: MatrixSpec, document: Document, axes: Mapping[str, list[str]], cells: list[Cell]
) -> list[Excluded]:
    found: dict[Cell, Excluded] = {}
    for at, entry in enumerate(spec.exclude):
        path = ("exclude", at, "where")
        rule = rule_of(entry.where, axes, document, path)
        where = document.where(("exclude", at))
        for cell in cells:
            if matches_rule(cell, rule):
                found.setdefault(cell, Excluded(cell=cell, reason=entry.reason, where=where))
    return [found[cell] for cell in cells if cell in found]


def _include(spec: MatrixSpec, document: Document, axes: Mapping[str, list[str]]) -> list[Cell]:
    cells = []
    for at, entry in enumerate(spec.include):
        path = ("include", at)
        values = {axis: _text(value) for axis, value in entry.items()}
        for axis in values:
            if axis not in axes:
                raise ConfigError(
                    f"unknown axis {shown(axis)}",
                    where=document.where((*path, axis)),
                    todo=near(axis, axes),
                )
        missing = [axis for axis in axes if axis not in values]
        if missing:
            raise ConfigError(
                f"an included cell names every axis; missing: {', '.join(missing)}",
                where=document.where(path),
                todo="name a value for each",
            )
        for axis, value in values.items():
            if not _valid(axis, value):
                raise ConfigError(
                    f"{shown(value)} cannot be a value of axis {axis}",
                    where=document.where((*path, axis)),
                    todo="write it as a value of that axis is written under axes",
                )
        cells.append(_cell({axis: values[axis] for axis in axes}))
    return cells


def _valid(axis: str, value: str) -> bool:
    if axis == "device":
        return value in ("cpu", "gpu")
    if axis == "rllib":
        return value in ("true", "false")
    kind = {"python": "python version", "ray": "ray version"}.get(axis, "axis value")
    return allowed(kind, value)


def _check_tags(cells: list[Cell], document: Document, spanned: int) -> None:
    """No two cells may have one id, and each must fit a tag; the first ``spanned`` of them come
    from the axes, the rest from ``include``."""
    seen: set[str] = set()
    for at, cell in enumerate(cells):
        where = document.where(("axes",) if at < spanned else ("include", at - spanned))
        if cell.id in seen:
            raise ConfigError(
                f"two cells would both be tagged {cell.id}",
                where=where,
                todo="give the axes values that differ, or drop one of the cells",
            )
        seen.add(cell.id)
        if len(cell.id) > _LONGEST_ID:
            raise ConfigError(
                f"a cell's id would have {len(cell.id)} characters, more than {_LONGEST_ID}: "
                f"{shown(cell.id)}",
                where=where,
                todo="name fewer axes of your own, or shorter values",
            )


def _latest(
    spec: MatrixSpec, document: Document, axes: Mapping[str, list[str]], cells: list[Cell]
) -> Cell | None:
    if spec.latest is None:
        return None
    known = {axis: sorted({cell.axes[axis] for cell in cells}) for axis in axes}
    rule = rule_of(dict(spec.latest), known, document, ("latest",))
    named = [cell for cell in cells if matches_rule(cell, rule)]
    if len(named) != 1:
        raise ConfigError(
            f"latest names {len(named)} cells, and must name exactly one",
            where=document.where(("latest",)),
            todo="name more axes" if named else "name a cell that `invoke matrix` shows",
            detail=[cell.id for cell in named[:8]],
        )
    return named[0]
