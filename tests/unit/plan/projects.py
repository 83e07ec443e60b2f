"""Projects and plans for tests, from the shipped templates, without a file system."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from factory.matrix import parse_image, parse_matrix
from factory.model import Build, Plan, Project, Step, asked_by
from factory.plan.keys import text_digest
from factory.planning import planned
from factory.project import all_builds
from tests.conftest import IMAGE, MATRIX, ROOT

TEMPLATES = {path.name: path.read_text() for path in (ROOT / "dockerfiles").glob("*.j2")}
FILES = {
    "images/demo/app": "1" * 64,
    "images/demo/requirements.txt": "2" * 64,
    "images/demo/checks.py": "3" * 64,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Written(Project):
    """A project whose files are digests by path."""

    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Files:
    """The contents of such a project."""

    digests: Mapping[str, str]

    def digest(self, folder: str, path: str, *, where: str) -> str:
        return self.digests[posixpath.normpath(f"{folder}/{path}")]


def project_of(
    matrix: str = MATRIX,
    images: Mapping[str, str] | None = None,
    digests: Mapping[str, str] = FILES,
    templates: Mapping[str, str] = TEMPLATES,
) -> Written:
    spec, _, _ = parse_matrix(matrix, registry="127.0.0.1:5000")
    texts = {"demo": IMAGE} if images is None else images
    return Written(
        matrix=spec,
        images={
            name: parse_image(
                text, name=name, folder=f"images/{name}", cells=spec.cells, images=texts
            )
            for name, text in texts.items()
        },
        templates=templates,
        files=digests,
    )


def locked(project: Written, **bases: str) -> Written:
    """The same project with a lock for each step of each cell that asks for packages.

    Args:
        bases: what is locked of base images.
    """
    asked = {
        f"{one.folder}/{build.cell.id}.txt": one.digest
        for build in all_builds(project)
        for one in asked_by(project, build)
    }
    return replace(
        project,
        locks=asked,
        bases=bases,
        files={**project.files, **{path: text_digest(path) for path in asked}},
    )


def plan_of(
    project: Project,
    pins: Mapping[str, str] = MappingProxyType({}),
    builds: Sequence[Build] | None = None,
) -> Plan:
    """The plan of everything, or of some builds, none of which is refused."""
    return partial_plan_of(project, pins, builds).whole()


def partial_plan_of(
    project: Project,
    pins: Mapping[str, str] = MappingProxyType({}),
    builds: Sequence[Build] | None = None,
) -> Plan:
    """The plan of what can be planned."""
    files = Files(project.files if isinstance(project, Written) else FILES)
    chosen = all_builds(project) if builds is None else builds
    return planned(project, chosen, pins, files)


def chain(plan: Plan, at: int = 0) -> dict[str, Step]:
    """The steps of the build at a position, by kind."""
    return {plan.steps[key].kind: plan.steps[key] for key in plan.builds[at].steps}


def keys(plan: Plan, at: int = 0) -> dict[str, str]:
    return {kind: step.key for kind, step in chain(plan, at).items()}
