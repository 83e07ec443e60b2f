"""Projects and plans for tests, from the shipped templates, without a file system."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from factory import base
from factory.matrix import parse_image, parse_matrix
from factory.model import Build, Plan, Project, Step
from factory.plan import make_plan
from factory.render import Renderer
from tests.conftest import IMAGE, MATRIX, ROOT

TEMPLATES = {path.name: path.read_text() for path in (ROOT / "dockerfiles").glob("*.j2")}
FILES = {
    "images/demo/app": "1" * 64,
    "images/demo/requirements.txt": "2" * 64,
    "images/demo/checks.py": "3" * 64,
}


def project_of(
    matrix: str = MATRIX,
    images: Mapping[str, str] | None = None,
    digests: Mapping[str, str] = FILES,
    templates: Mapping[str, str] = TEMPLATES,
) -> Project:
    spec, _, _ = parse_matrix(matrix, registry="127.0.0.1:5000")
    texts = {"demo": IMAGE} if images is None else images
    return Project(
        matrix=spec,
        images={
            name: parse_image(text, name=name, folder=f"images/{name}", cells=spec.cells)
            for name, text in texts.items()
        },
        templates=templates,
        digests=digests,
    )


def plan_of(project: Project, *, supported: bool = True) -> Plan:
    """The plan of everything; ``supported`` takes every cell for one that can be made."""
    spec = project.matrix.base
    builds = [
        Build(image=name, cell=cell) for name in project.images for cell in project.matrix.cells
    ]
    return make_plan(
        project,
        builds,
        render=Renderer(project.templates).render,
        rootfs_for=partial(base.rootfs_for, spec),
        unsupported=lambda cell: None if supported else base.unsupported(spec, cell),
    )


def chain(plan: Plan, at: int = 0) -> dict[str, Step]:
    """The steps of the build at a position, by kind."""
    return {plan.steps[key].kind: plan.steps[key] for key in plan.builds[at].steps}


def keys(plan: Plan, at: int = 0) -> dict[str, str]:
    return {kind: step.key for kind, step in chain(plan, at).items()}
