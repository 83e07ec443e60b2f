"""Builds → steps. The chain is base → runtime → rllib → cuda → app; steps with equal keys are one
step, so that everything above the application is shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from factory.errors import ConfigError, ConfigErrors
from factory.model import (
    PLATFORM,
    Build,
    Cell,
    GitSource,
    Image,
    Plan,
    PlannedBuild,
    Project,
    Rootfs,
    Step,
    Wheels,
    step_ref,
)
from factory.plan.keys import key_of, text_digest
from factory.plan.tags import check_unique, floating_tags, immutable_tag

Render = Callable[[str, Mapping[str, object]], str]
"""Template name and variables to text."""

GIT_SECRET = "GIT_AUTH_TOKEN"  # BuildKit's name for the secret, not one itself
"""The id of the secret with which BuildKit fetches from git over HTTP."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Foundations:
    """What planning has to know of bases, as pure functions of a cell.

    Attributes:
        rootfs: the root file system of a base that is made from packages.
        upstream: the reference of ``rayproject/ray`` for a cell, without a digest.
        driver: the oldest NVIDIA driver for a CUDA release (``13.0``).
        unsupported: why a cell's base cannot be made, or ``None``.
    """

    rootfs: Callable[[Cell], Rootfs]
    upstream: Callable[[Cell], str]
    driver: Callable[[str], str]
    unsupported: Callable[[Cell], ConfigError | None]


def make_plan(
    project: Project,
    builds: Iterable[Build],
    *,
    render: Render,
    foundations: Foundations,
    pins: Mapping[str, str],
) -> Plan:
    """Plan the steps of some builds.

    Args:
        project: what the user wrote; ``base.source`` is ``registry`` or ``packages``.
        builds: those to make.
        render: renders a template of ``project.templates``.
        foundations: what there is to know of bases.
        pins: what names on the network stand for: a base's reference to its digest, a git
            source's name to its commit. What is missing there makes a step ``unresolved``.

    Raises:
        ConfigError: a cell is not supported (all such are shown), a template is wrong, or two
            builds would get one tag.
    """
    wanted = tuple(builds)
    cells = dict.fromkeys(build.cell for build in wanted)
    refused = [foundations.unsupported(cell) for cell in cells]
    errors = [error for error in refused if error]
    if errors:
        raise ConfigErrors(errors)
    chains = _Chains(project=project, render=render, foundations=foundations, pins=pins)
    planned = tuple(chains.plan(build) for build in wanted)
    check_unique(planned)
    return Plan(steps=chains.steps, builds=planned, base=project.matrix.base.source)


@dataclass(frozen=True, kw_only=True)
class _Chains:
    """Makes each build's chain and collects the distinct steps, parents first."""

    project: Project
    render: Render
    foundations: Foundations
    pins: Mapping[str, str]
    steps: dict[str, Step] = field(default_factory=dict)

    def plan(self, build: Build) -> PlannedBuild:
        cell = build.cell
        chain = [self._base(cell)]
        matrix = self.project.matrix
        variables = {"cell": cell, "apt": matrix.runtime_apt, "epoch": matrix.base.epoch}
        chain.append(self._step("runtime", chain[-1], variables))
        if cell.rllib:
            chain.append(self._rllib(cell, chain[-1]))
        if matrix.base.substituted and cell.device == "gpu":
            chain.append(self._cuda(cell, chain[-1]))
        for image in self.project.lineage(build.image):
            chain.append(self._app(image.for_cell(cell), cell, chain[-1]))
        return PlannedBuild(
            build=build,
            steps=tuple(step.key for step in chain),
            immutable=immutable_tag(build, chain[-1].key),
            floating=floating_tags(build, matrix.latest),
        )

    def _base(self, cell: Cell) -> Step:
        base = self.project.matrix.base
        if not base.substituted:
            ref = self.foundations.upstream(cell)
            digest = self.pins.get(ref)
            variables = {"cell": cell, "image": f"{ref}@{digest}" if digest else ref}
            unresolved = () if digest else (ref,)
            return self._step("base", None, variables, "upstream", unresolved=unresolved)
        folder, _, wheel = (base.wheel or "").rpartition("/")
        variables = {"cell": cell, "extras": base.extras, "wheel": wheel, "epoch": base.epoch}
        return self._step(
            "base",
            None,
            variables,
            rootfs=self.foundations.rootfs(cell),
            context=folder if base.wheel else None,
            copies=(wheel,) if base.wheel else (),
            wheels=None if base.wheel else _wheels(cell, f"ray=={cell.ray}"),
        )

    def _cuda(self, cell: Cell, parent: Step) -> Step:
        cuda = self.project.matrix.devices[cell.device].cuda
        assert cuda, "a gpu has a CUDA release: the schema says so"
        driver = self.foundations.driver(cuda.version)
        return self._step(
            "cuda",
            parent,
            {"cell": cell, "cuda": cuda, "driver": driver},
            wheels=_wheels(cell, cuda.requirement),
        )

    def _rllib(self, cell: Cell, parent: Step) -> Step:
        device = self.project.matrix.devices[cell.device]
        torch = device.torch
        assert torch, "an RLlib cell without a torch is not supported"
        folder, _, name = (torch.find_links or "").rpartition("/")
        # With the runtime asked for in one breath, torch and all else share one copy of it.
        cuda = device.cuda if self.project.matrix.base.substituted else None
        wanted = [torch.requirement, *([cuda.requirement] if cuda else [])]
        variables = {
            "cell": cell,
            "torch": torch,
            "wheels": name,
            "cuda": device.cuda,
            "requirements": wanted,
        }
        return self._step(
            "rllib",
            parent,
            variables,
            context=(folder or ".") if name else None,
            copies=(name,) if name else (),
            wheels=replace(_wheels(cell, *wanted), index=torch.index, find_links=torch.find_links),
        )

    def _app(self, image: Image, cell: Cell, parent: Step) -> Step:
        git = image.source if isinstance(image.source, GitSource) else None
        code, unresolved = self._fetched(git) if git else ("", ())
        install = image.install
        folder = image.source if isinstance(image.source, str) else None
        read = (folder, image.requirements, install.script if install else None)
        # The prefix keeps them apart from the secrets that the factory and BuildKit name.
        secrets = [(f"script-{name}", name) for name in install.secrets] if install else []
        secrets += [(GIT_SECRET, git.token)] if git and git.token else []
        return self._step(
            "app",
            parent,
            {"cell": cell, "image": image, "git": code, "epoch": self.project.matrix.base.epoch},
            name=image.name,
            context=image.folder,
            copies=tuple(path for path in read if path),
            secrets=tuple(secrets),
            unresolved=unresolved,
        )

    def _fetched(self, git: GitSource) -> tuple[str, tuple[str, ...]]:
        """What ADD takes: the repository at a commit, and the folder in it."""
        folder = f":{git.folder}" if git.folder else ""
        commit = git.ref if git.pinned else self.pins.get(git.name)
        return f"{git.url}#{commit or git.ref}{folder}", () if commit else (git.name,)

    def _step(
        self,
        kind: str,
        parent: Step | None,
        variables: Mapping[str, object],
        template: str = "",
        *,
        name: str = "",
        rootfs: Rootfs | None = None,
        context: str | None = None,
        copies: tuple[str, ...] = (),
        wheels: Wheels | None = None,
        secrets: tuple[tuple[str, str], ...] = (),
        unresolved: tuple[str, ...] = (),
    ) -> Step:
        name = name or kind
        from_ref = step_ref(parent.name, parent.key) if parent else ""
        dockerfile = self.render(
            f"{template or kind}.Dockerfile.j2", {**variables, "parent": from_ref}
        )
        inputs = [("dockerfile", text_digest(dockerfile)), ("platform", PLATFORM)]
        inputs += [("parent", parent.key)] if parent else []
        if rootfs:
            inputs.append(("rootfs", f"{rootfs.suite} as of {rootfs.epoch} by {rootfs.recipe}"))
        inputs += [(f"file {path}", self._digest(context, path)) for path in copies]
        step = Step(
            kind=kind,
            name=name,
            key=key_of([("kind", kind), ("name", name), *inputs]),
            parent=parent.key if parent else None,
            dockerfile=dockerfile,
            context=context,
            copies=copies,
            rootfs=rootfs,
            wheels=wheels,
            secrets=secrets,
            unresolved=((*parent.unresolved, *unresolved) if parent else unresolved),
            inputs=tuple(inputs),
        )
        return self.steps.setdefault(step.key, step)

    def _digest(self, context: str | None, path: str) -> str:
        return self.project.digests[f"{context}/{path}" if context and context != "." else path]


def _wheels(cell: Cell, *requirements: str) -> Wheels:
    name = f"{requirements[0].partition(',')[0]} for Python {cell.python}"
    return Wheels(name=name, requirements=requirements, python=cell.python)
