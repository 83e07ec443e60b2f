"""Cohorts: rules for heads and workers → pairs of cells.

One that pairs nothing is refused as a value, not raised: the builds that it has no say in go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from factory.errors import ConfigError
from factory.matrix.cells import axes_of, matches_rule, rule_of
from factory.matrix.document import Document
from factory.matrix.schema import CohortSpec, MatrixSpec
from factory.matrix.validate import near
from factory.model import Cell, Cohort

_NEAREST = 3
Rule = Mapping[str, set[str]]


def cohorts(spec: MatrixSpec, document: Document, cells: Sequence[Cell]) -> tuple[Cohort, ...]:
    """The cohorts of a matrix over the cells that it keeps, those that pair nothing as refused."""
    known = {
        axis: list(dict.fromkeys([*values, *(cell.axes[axis] for cell in cells)]))
        for axis, values in axes_of(spec).items()
    }
    return tuple(
        _cohort(name, written, document, known, cells) for name, written in spec.cohorts.items()
    )


def with_images(
    cohort: Cohort, images: Iterable[str], made_for: Callable[[str, Cell], bool]
) -> Cohort:
    """A cohort, refused if no image is made for a pair of its cells.

    Args:
        images: the names of all images.
        made_for: whether an image is made for a cell.
    """
    known = list(images)
    if cohort.image is not None and cohort.image not in known:
        refused = replace(_refused(cohort, f"there is no image {cohort.image}"), image=None)
        return replace(refused, todo=near(cohort.image, known))
    asked = known if cohort.image is None else [cohort.image]
    if cohort.refused or any(
        made_for(image, head) and made_for(image, workers)
        for image in asked
        for head, workers in cohort.pairs
    ):
        return cohort
    why = (
        f"{cohort.image} is made for none of its pairs"
        if cohort.image
        else ("no image is made for any of its pairs")
    )
    return replace(_refused(cohort, why), todo="mend it, or the `where:` of the image")


def _refused(cohort: Cohort, why: str) -> Cohort:
    named = dict.fromkeys((*cohort.named, *(cell for pair in cohort.pairs for cell in pair)))
    return replace(cohort, pairs=(), refused=why, named=tuple(named))


def _cohort(
    name: str,
    written: CohortSpec,
    document: Document,
    known: Mapping[str, list[str]],
    cells: Sequence[Cell],
) -> Cohort:
    path = ("cohorts", name)
    cohort = Cohort(name=name, where=document.where(path), image=written.image)
    rules: dict[str, Rule] = {}
    named: list[Cell] = []
    errors: list[ConfigError] = []
    for side, where in (("head", written.head), ("workers", written.workers)):
        try:
            rule = rule_of(where, known, document, (*path, side))
            found = [cell for cell in cells if matches_rule(cell, rule)]
            if not found:
                raise _names_none(side, rule, document.where((*path, side)), cells)
            rules[side] = rule
            named += found
        except ConfigError as error:
            errors.append(error)
    pairs = () if errors else tuple(_pairs(rules["head"], rules["workers"], cells))
    if pairs:
        return replace(cohort, pairs=pairs)
    errors = errors or [_no_pair(known, rules, cohort.where)]
    return replace(
        cohort,
        where=errors[0].where or cohort.where,
        refused="; ".join(error.what for error in errors),
        todo=errors[0].todo,
        named=tuple(dict.fromkeys(named)),
    )


def _pairs(head: Rule, workers: Rule, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Cell]]:
    """Every head with the workers that are like it in each axis that not both rules name. A cell
    with itself is no pair: it is verified as one anyway."""
    free = head.keys() & workers.keys()
    for one in (cell for cell in cells if matches_rule(cell, head)):
        alike = {axis: {value} for axis, value in one.axes.items() if axis not in free}
        for other in cells:
            if other != one and matches_rule(other, workers) and matches_rule(other, alike):
                yield one, other


def _names_none(side: str, rule: Rule, where: str, cells: Sequence[Cell]) -> ConfigError:
    """With the cells that come nearest to what was written."""

    def fits(cell: Cell) -> int:
        return sum(cell.axes[axis] in values for axis, values in rule.items())

    nearest = sorted(cells, key=fits, reverse=True)[:_NEAREST]
    ids = " or ".join(cell.id for cell in nearest)
    return ConfigError(
        f"its {side} names no cell",
        where=where,
        todo=f"did you mean {ids}? `invoke matrix` shows which cells there are, and which not",
    )


def _no_pair(axes: Iterable[str], rules: Mapping[str, Rule], where: str) -> ConfigError:
    alike = [axis for axis in axes if axis not in rules["head"].keys() & rules["workers"].keys()]
    return ConfigError(
        "it pairs no cells: no head has workers of another cell with the same " + ", ".join(alike),
        where=where,
        todo="where the two may differ, name the axis on both sides",
    )
