"""``images/<name>/image.yaml`` → ``Image``."""

from __future__ import annotations

from collections.abc import Mapping

from factory.errors import ConfigError
from factory.matrix.document import parse
from factory.matrix.grammar import allowed, shown
from factory.matrix.schema import ImageSpec, OverrideSpec, Scalar
from factory.matrix.validate import near, validate
from factory.model import Cell, Image, Override


def parse_image(text: str, *, name: str, folder: str, cells: tuple[Cell, ...]) -> Image:
    """Validate one image definition.

    Args:
        text: the content of its ``image.yaml``.
        name: the folder's name, which is the image's.
        folder: its path relative to the project's root, for messages.
        cells: the matrix's cells; an override must match one of them.

    Raises:
        ConfigError: anything in it is wrong, with file, line and column.
    """
    if not allowed("name", name):
        raise ConfigError(
            f"{shown(name)} cannot be an image's name",
            where=folder,
            todo="rename the folder: lower-case letters, digits and single . _ -",
        )
    document = parse(text, f"{folder}/image.yaml")
    spec = validate(document, ImageSpec)
    overrides = []
    for at, entry in enumerate(spec.overrides):
        override = _override(entry)
        unknown = [axis for axis in entry.when if axis not in cells[0].axes]
        place = document.where(("overrides", at, "when"))
        if unknown:
            raise ConfigError(
                f"unknown axis {shown(unknown[0])}",
                where=place,
                todo=near(unknown[0], cells[0].axes),
            )
        if not any(override.matches(cell) for cell in cells):
            raise ConfigError(
                "this override matches no cell",
                where=place,
                todo="`invoke matrix` lists the cells; drop the override or mend it",
            )
        overrides.append(override)
    return Image(
        name=name,
        folder=folder,
        description=spec.description,
        source=spec.source,
        requirements=spec.requirements,
        apt=tuple(spec.apt),
        env=tuple(spec.env.items()),
        checks=spec.checks,
        overrides=tuple(overrides),
    )


def _override(spec: OverrideSpec) -> Override:
    return Override(
        when=_when(spec.when),
        requirements=spec.requirements,
        apt=tuple(spec.apt),
        env=tuple(spec.env.items()),
    )


def _when(when: Mapping[str, Scalar]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (axis, str(value).lower() if isinstance(value, bool) else value)
        for axis, value in when.items()
    )
