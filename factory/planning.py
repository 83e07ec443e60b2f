"""Planning, wired: the pure rooms with what the edges know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from factory import base
from factory.model import Build, Cell, Plan, Project
from factory.plan import Contents, Foundations, make_plan
from factory.render import Renderer


def planned(
    project: Project, builds: Sequence[Build], pins: Mapping[str, str], contents: Contents
) -> Plan:
    """The plan of some builds by what is known of the network; it refuses what cannot be made.

    Args:
        project: with ``base.source`` settled.
        builds: those to make.
        pins: name to digest or commit; those that the project has committed go before.
        contents: the project's files.

    Raises:
        ConfigError: two builds would get one tag.
    """
    matrix = project.matrix
    return make_plan(
        project,
        builds,
        render=Renderer(project.templates).render,
        contents=contents,
        foundations=Foundations(
            rootfs=partial(base.rootfs_for, matrix.base),
            upstream=partial(upstream, project),
            driver=base.driver_floor,
            unsupported=partial(base.unsupported, matrix.base, matrix.devices),
        ),
        pins={**pins, **project.bases},
    )


def upstream(project: Project, cell: Cell) -> str:
    """The reference of ``rayproject/ray`` that a cell stands on, without a digest."""
    cuda = project.matrix.devices[cell.device].cuda
    tag = base.upstream_tag(cell.ray, cell.python, cuda.platform if cuda else cell.device)
    return f"{base.upstream_repository(project.matrix.base.mirror)}:{tag}"
