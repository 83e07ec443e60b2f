"""Builds → steps. The chain is base → runtime → app; steps with equal keys are one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from factory.errors import ConfigError, ConfigErrors
from factory.model import (
    PLATFORM,
    Build,
    Cell,
    Image,
    Plan,
    PlannedBuild,
    Project,
    Rootfs,
    Step,
    step_ref,
)
from factory.plan.keys import key_of, text_digest
from factory.plan.tags import check_unique, floating_tags, immutable_tag

Render = Callable[[str, Mapping[str, object]], str]
"""Template name and variables to text."""


def make_plan(
    project: Project,
    builds: Iterable[Build],
    *,
    render: Render,
    rootfs_for: Callable[[Cell], Rootfs],
    unsupported: Callable[[Cell], ConfigError | None],
) -> Plan:
    """Plan the steps of some builds.

    Args:
        project: what the user wrote.
        builds: those to make.
        render: renders a template of ``project.templates``.
        rootfs_for: the root file system of a cell's base.
        unsupported: why a cell's base cannot be made, or ``None``.

    Raises:
        ConfigError: a cell is not supported (all such are shown), a template is wrong, or two
            builds would get one tag.
    """
    wanted = tuple(builds)
    refused = [unsupported(cell) for cell in dict.fromkeys(build.cell for build in wanted)]
    errors = [error for error in refused if error]
    if errors:
        raise ConfigErrors(errors)
    chains = _Chains(project, render, rootfs_for)
    planned = tuple(chains.plan(build) for build in wanted)
    check_unique(planned)
    return Plan(steps=chains.steps, builds=planned)


class _Chains:
    """Makes each build's chain and collects the distinct steps, parents first."""

    def __init__(
        self, project: Project, render: Render, rootfs_for: Callable[[Cell], Rootfs]
    ) -> None:
        self._project = project
        self._render = render
        self._rootfs_for = rootfs_for
        self.steps: dict[str, Step] = {}

    def plan(self, build: Build) -> PlannedBuild:
        image = self._project.images[build.image].for_cell(build.cell)
        base = self._base(build.cell)
        runtime = self._runtime(build.cell, base)
        app = self._app(image, build.cell, runtime)
        return PlannedBuild(
            build=build,
            steps=(base.key, runtime.key, app.key),
            immutable=immutable_tag(build, app.key),
            floating=floating_tags(build, self._project.matrix.latest),
        )

    def _base(self, cell: Cell) -> Step:
        base = self._project.matrix.base
        rootfs = self._rootfs_for(cell)
        folder, _, wheel = (base.wheel or "").rpartition("/")
        variables = {"cell": cell, "extras": base.extras, "wheel": wheel, "epoch": base.epoch}
        return self._step(
            "base",
            "base",
            None,
            variables,
            rootfs=rootfs,
            context=folder if base.wheel else None,
            copies=(wheel,) if base.wheel else (),
        )

    def _runtime(self, cell: Cell, parent: Step) -> Step:
        variables = {"cell": cell, "apt": self._project.matrix.runtime_apt}
        return self._step("runtime", "runtime", parent, variables)

    def _app(self, image: Image, cell: Cell, parent: Step) -> Step:
        copies = [path for path in (image.source, image.requirements) if path]
        variables = {"cell": cell, "image": image}
        return self._step(
            "app", image.name, parent, variables, context=image.folder, copies=tuple(copies)
        )

    def _step(
        self,
        kind: str,
        name: str,
        parent: Step | None,
        variables: Mapping[str, object],
        *,
        rootfs: Rootfs | None = None,
        context: str | None = None,
        copies: tuple[str, ...] = (),
    ) -> Step:
        from_ref = step_ref(parent.name, parent.key) if parent else ""
        dockerfile = self._render(f"{kind}.Dockerfile.j2", {**variables, "parent": from_ref})
        inputs = [("dockerfile", text_digest(dockerfile)), ("platform", PLATFORM)]
        inputs += [("parent", parent.key)] if parent else []
        if rootfs:
            inputs.append(("rootfs", f"{rootfs.suite} as of {rootfs.epoch} by {rootfs.recipe}"))
        inputs += [(f"file {path}", self._digest(context, path)) for path in copies]
        suite = rootfs.suite if rootfs else parent.suite if parent else ""
        step = Step(
            kind=kind,
            name=name,
            key=key_of([("kind", kind), ("name", name), *inputs]),
            parent=parent.key if parent else None,
            dockerfile=dockerfile,
            suite=suite,
            context=context,
            copies=copies,
            rootfs=rootfs,
            inputs=tuple(inputs),
        )
        return self.steps.setdefault(step.key, step)

    def _digest(self, context: str | None, path: str) -> str:
        return self._project.digests[f"{context}/{path}" if context else path]
