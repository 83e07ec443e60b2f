"""``images/<name>/image.yaml`` → ``Image``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from factory.errors import ConfigError
from factory.matrix.document import Document, Path, parse
from factory.matrix.grammar import allowed, shown
from factory.matrix.schema import (
    ContractSpec,
    GitSpec,
    ImageSpec,
    InstallSpec,
    OverrideSpec,
    Scalar,
)
from factory.matrix.validate import near, validate
from factory.model import Cell, Contract, GitSource, Image, Install, Override, When, matches


def parse_image(
    text: str, *, name: str, folder: str, cells: tuple[Cell, ...], images: Iterable[str] = ()
) -> Image:
    """Validate one image definition.

    Args:
        text: the content of its ``image.yaml``.
        name: the folder's name, which is the image's.
        folder: its path relative to the project's root, for messages.
        cells: the matrix's cells; an override must match one of them.
        images: the names of all images, one of which a parent must have.

    Raises:
        ConfigError: anything in it is wrong, with file, line and column.
    """
    if not allowed("name", name):
        raise ConfigError(
            f"{shown(name)} cannot be an image's name",
            where=shown(folder)[1:-1],
            todo="rename the folder: lower-case letters, digits and single . _ -",
        )
    document = parse(text, f"{folder}/image.yaml")
    spec = validate(document, ImageSpec)
    if spec.parent is not None and spec.parent not in images:
        raise ConfigError(
            f"there is no image {spec.parent} to be its parent",
            where=document.where(("parent",)),
            todo=f"{near(spec.parent, set(images) - {name})}; if matrix.yaml has a list `images:`, "
            "a parent is in it too",
        )
    where = _rule(spec.where, document, ("where",), cells, cells)
    kept = tuple(cell for cell in cells if matches(where, cell))
    return Image(
        name=name,
        folder=folder,
        description=spec.description,
        parent=spec.parent,
        where=where,
        source=_source(spec),
        requirements=spec.requirements,
        apt=tuple(spec.apt),
        env=tuple(spec.env.items()),
        install=_install(spec.install),
        checks=spec.checks,
        needs=tuple(spec.needs),
        contract=_contract(spec.contract),
        overrides=tuple(
            _override(entry, _rule(entry.when, document, ("overrides", at, "when"), cells, kept))
            for at, entry in enumerate(spec.overrides)
        ),
    )


def check_parents(images: Mapping[str, Image]) -> None:
    """No image may stand on itself.

    Raises:
        ConfigError: one does; the error shows the way round.
    """
    for name in images:
        way = [name]
        while parent := images[way[-1]].parent:
            if parent in way:
                circle = " → ".join([*way[way.index(parent) :], parent])
                raise ConfigError(
                    f"the parents go in a circle: {circle}",
                    where=f"{images[way[-1]].folder}/image.yaml",
                    todo="drop one of these `parent:` lines",
                )
            way.append(parent)


def _source(spec: ImageSpec) -> str | GitSource | None:
    if isinstance(spec.source, GitSpec):
        git = spec.source
        return GitSource(url=git.git, ref=git.ref, folder=git.folder, token=git.token)
    return spec.source or (None if spec.parent else "app")


def _install(spec: InstallSpec | None) -> Install | None:
    if spec is None:
        return None
    return Install(script=spec.script, apt=tuple(spec.apt), secrets=tuple(spec.secrets))


def _contract(spec: ContractSpec) -> Contract:
    return Contract(
        arbitrary_uid=spec.arbitrary_uid,
        read_only=spec.read_only,
        writable=tuple(spec.writable),
    )


def _override(spec: OverrideSpec, when: When) -> Override:
    return Override(
        when=when,
        requirements=spec.requirements,
        apt=tuple(spec.apt),
        env=tuple(spec.env.items()),
    )


def _rule(
    written: Mapping[str, Scalar | list[Scalar]],
    document: Document,
    path: Path,
    cells: tuple[Cell, ...],
    kept: tuple[Cell, ...],
) -> When:
    """A rule in words of the cells that there are, which matches one at least of those kept."""
    rule = tuple((axis, _texts(value)) for axis, value in written.items())
    for axis, values in rule:
        if axis not in cells[0].axes:
            raise ConfigError(
                f"unknown axis {shown(axis)}",
                where=document.where((*path, axis)),
                todo=near(axis, cells[0].axes),
            )
        there = {cell.axes[axis] for cell in cells}
        unknown = next((value for value in values if value not in there), None)
        if unknown is not None:
            raise ConfigError(
                f"no cell has {axis} {shown(unknown)}",
                where=document.where((*path, axis)),
                todo=near(unknown, there),
            )
    if not any(matches(rule, cell) for cell in kept):
        raise ConfigError(
            f"this {'override' if 'overrides' in path else 'rule'} matches no cell",
            where=document.where(path),
            todo="`invoke matrix` lists the cells; drop it or mend it",
        )
    return rule


def _texts(value: Scalar | list[Scalar]) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(str(one).lower() if isinstance(one, bool) else one for one in values)
