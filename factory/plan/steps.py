"""Builds → steps. The chain is base → runtime → rllib → cuda → app; steps with equal keys are one
step, so that everything above the application is shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from factory.errors import ConfigError
from factory.model import (
    GIT_SECRET,
    MAIN,
    TEMPLATES,
    Build,
    Cell,
    GitSource,
    Image,
    Plan,
    PlannedBuild,
    Project,
    Read,
    Rootfs,
    Step,
    Wheels,
    rllib_asked,
)
from factory.plan.assemble import Assembly, Contents, Recipe, Render
from factory.plan.groups import release_groups
from factory.plan.locks import Locks, locks_of
from factory.plan.tags import check_names, check_unique, floating_tags, immutable_tag

_SHARED = {MAIN: TEMPLATES, TEMPLATES: TEMPLATES}
"""What the factory's own steps can read."""


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
    contents: Contents,
    foundations: Foundations,
    pins: Mapping[str, str],
) -> Plan:
    """Plan the steps of some builds.

    Args:
        project: what the user wrote; ``base.source`` is ``registry`` or ``packages``.
        builds: those to make.
        render: renders a template of ``project.templates``.
        contents: digests what Dockerfiles read.
        foundations: what there is to know of bases.
        pins: what names on the network stand for: an image's to its digest, a git repository's
            (``url#ref``) to its commit. What is missing there makes a step ``unresolved``.

    Returns:
        The plan of those that can be made. The others are in ``refused``: their cell is not
        supported, a template is wrong, what it reads cannot be had, or a lock does not fit.

    Raises:
        ConfigError: two builds of the whole matrix would get one tag, or one a name that is none.
    """
    assembly = Assembly(
        render=render, contents=contents, pins=pins, epoch=project.matrix.base.epoch
    )
    chains = _Chains(project=project, assembly=assembly, foundations=foundations)
    planned, refused = [], {}
    for build in builds:
        try:
            planned.append(chains.plan(build))
        except ConfigError as error:
            refused[build] = error
    check_names(project.matrix.targets, project.builds)
    check_unique(planned, project.matrix.targets)
    made = {one.build for one in planned}
    return Plan(
        steps=chains.steps,
        builds=tuple(planned),
        base=project.matrix.base.source,
        refused=refused,
        pairs=tuple(pair for pair in project.pairs if made.issuperset(pair.builds)),
        groups=release_groups(project, (one.build for one in planned)),
    )


@dataclass(frozen=True, kw_only=True)
class _Chains:
    """Makes each build's chain and collects the distinct steps, parents first."""

    project: Project
    assembly: Assembly
    foundations: Foundations
    steps: dict[str, Step] = field(default_factory=dict)

    def plan(self, build: Build) -> PlannedBuild:
        matrix = self.project.matrix
        unsupported = self.foundations.unsupported(build.cell)
        if unsupported:
            raise unsupported
        chain: list[Step] = []
        for recipe in self._recipes(build):
            chain.append(self.assembly.step(recipe, chain[-1] if chain else None))
        chain = [self.steps.setdefault(step.key, step) for step in chain]
        return PlannedBuild(
            build=build,
            steps=tuple(step.key for step in chain),
            immutable=immutable_tag(build, chain[-1].key),
            floating=floating_tags(build, matrix.latest),
        )

    def _recipes(self, build: Build) -> Iterable[Recipe]:
        cell, matrix = build.cell, self.project.matrix
        substituted = matrix.base.substituted
        image = "" if substituted else self.foundations.upstream(cell)
        locks = locks_of(self.project, build, image)
        yield self._base(cell, locks) if substituted else self._upstream(cell, image)
        yield Recipe(
            kind="runtime",
            name="runtime",
            template="runtime.Dockerfile.j2",
            variables={"cell": cell, "apt": matrix.runtime_apt},
            contexts=_SHARED,
        )
        if cell.rllib:
            yield self._rllib(cell, locks)
        if substituted and cell.device == "gpu":
            yield self._cuda(cell, locks)
        for member in self.project.lineage(build.image):
            yield self._app(member.for_cell(cell), cell, locks)

    def _upstream(self, cell: Cell, image: str) -> Recipe:
        return Recipe(
            kind="base",
            name="base",
            template="upstream.Dockerfile.j2",
            variables={"cell": cell, "image": image},
            contexts=_SHARED,
        )

    def _base(self, cell: Cell, locks: Locks) -> Recipe:
        base = self.project.matrix.base
        folder, _, wheel = (base.wheel or "").rpartition("/")
        wheels = _wheels(cell, f"ray=={cell.ray}")
        lock = locks.get(("base", "base"))
        return Recipe(
            kind="base",
            name="base",
            template="base.Dockerfile.j2",
            variables={"cell": cell, "extras": base.extras, "wheel": wheel, "lock": lock},
            contexts={TEMPLATES: TEMPLATES} | ({"ray-wheel": folder} if base.wheel else {}),
            given=frozenset({"packages", Read(context=MAIN, path="rootfs.tar")}),
            lock=self._content(TEMPLATES, lock),
            rootfs=self.foundations.rootfs(cell),
            wheels=None if base.wheel or lock else wheels,
        )

    def _cuda(self, cell: Cell, locks: Locks) -> Recipe:
        cuda = self.project.matrix.devices[cell.device].cuda
        assert cuda, "a gpu has a CUDA release: the schema says so"
        wheels = _wheels(cell, cuda.requirement)
        lock = locks.get(("cuda", "cuda"))
        driver = self.foundations.driver(cuda.version)
        return Recipe(
            kind="cuda",
            name="cuda",
            template="cuda.Dockerfile.j2",
            variables={"cell": cell, "cuda": cuda, "driver": driver, "lock": lock},
            contexts=_SHARED,
            lock=self._content(TEMPLATES, lock),
            wheels=None if lock else wheels,
        )

    def _rllib(self, cell: Cell, locks: Locks) -> Recipe:
        cuda = self.project.matrix.devices[cell.device].cuda
        asked = rllib_asked(self.project, cell)
        torch, wanted = asked.torch, asked.requirements[1:]
        assert torch, "an RLlib cell without a torch is not supported"
        lock = locks.get(("rllib", "rllib"))
        folder = {"torch": torch.find_links} if torch.find_links else {}
        return Recipe(
            kind="rllib",
            name="rllib",
            template="rllib.Dockerfile.j2",
            variables={
                "cell": cell,
                "torch": torch,
                "cuda": cuda,
                "requirements": asked.requirements,
                "lock": lock,
            },
            contexts={**_SHARED, **folder},
            lock=self._content(TEMPLATES, lock),
            wheels=None
            if lock
            else replace(_wheels(cell, *wanted), index=torch.index, find_links=torch.find_links),
        )

    def _app(self, image: Image, cell: Cell, locks: Locks) -> Recipe:
        git = image.source if isinstance(image.source, GitSource) else None
        # The prefix keeps them apart from the secrets that the factory and BuildKit name.
        install = image.install
        secrets = [(f"script-{name}", name) for name in install.secrets] if install else []
        secrets += [(GIT_SECRET, git.token)] if git and git.token else []
        folder = f":{git.folder}" if git and git.folder else ""
        lock = locks.get(("app", image.name))
        return Recipe(
            kind="app",
            name=image.name,
            template="app.Dockerfile.j2",
            variables={
                "cell": cell,
                "image": image,
                "git": f"{git.name}{folder}" if git else "",
                "lock": lock,
                "locked": bool(locks),
            },
            contexts={MAIN: image.folder, TEMPLATES: TEMPLATES},
            lock=self._content(image.folder, lock),
            secrets=tuple(secrets),
            asked_by=f"{image.folder}/image.yaml",
        )

    def _content(self, context: str, lock: str | None) -> tuple[str, str, str] | None:
        """A lock as a recipe has it; ``None`` too where it is not known what is in it."""
        path = f"{context}/{lock}"
        content = self.project.lock_contents.get(path)
        return (lock, path, content) if lock and content else None


def _wheels(cell: Cell, *requirements: str) -> Wheels:
    name = f"{requirements[0].partition(',')[0]} for Python {cell.python}"
    return Wheels(name=name, requirements=requirements, python=cell.python)
