"""What is to be made: builds, the steps that make them, and their tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from factory.errors import ConfigError, ConfigErrors
from factory.model.cell import Build
from factory.model.cohort import Pair
from factory.model.journal import Group

KEY_DIGITS = 12
"""How much of a key a tag shows: 48 bits, ample for the images that one repository ever holds."""


PLATFORM = "linux/amd64"
"""What is built for; part of every key."""

KEY_LABEL = "io.ray-image-factory.key"
"""The label by which an image says with which key it was built."""

REVISION = "org.opencontainers.image.revision"
"""The label by which it says of which commit its project was."""

CREATED = "org.opencontainers.image.created"
"""The label by which it says when its maker began."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rootfs:
    """A Debian root file system, by what it is asked to be.

    Attributes:
        suite: Debian's code name, such as ``bookworm``.
        epoch: the user's mark for "as of when": changing it fetches anew.
        recipe: digest of how it is made.
    """

    suite: str
    epoch: str
    recipe: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheels:
    """What a step will ask Python indexes for, which may not exist.

    Attributes:
        name: what messages call it.
        requirements: as installers take them.
        python: minor version.
        index: the index that has the first of them, or ``None`` for the host's package sources.
        find_links: a folder that has it, relative to the project's root; likewise.
    """

    name: str
    requirements: tuple[str, ...]
    python: str
    index: str | None = None
    find_links: str | None = None


MAIN = ""
"""The context that COPY and ADD read from where they name none."""

GIT_SECRET = "GIT_AUTH_TOKEN"  # BuildKit's name for the secret, not one itself
"""The id of the secret with which BuildKit fetches from git over HTTP."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Read:
    """A file, a folder or a pattern that a Dockerfile reads from a context.

    Attributes:
        context: the name of a context; ``MAIN`` has none.
        path: relative to it, normalised; ``.`` is all of it. ``*``, ``?`` and ``[…]`` match within
            one name.
    """

    context: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One Dockerfile build in the chain base → runtime → rllib → cuda → app.

    Attributes:
        kind: one of these. ``cuda`` is there where a base made from packages is to run on a gpu,
            ``rllib`` in cells with RLlib, and ``app`` once for an image and each of its parents.
        name: the repository name of its local tag; an app step bears its image's name.
        key: the content key; equal keys are one step.
        parent: the key of the step that this one is FROM, or ``None`` for a base.
        dockerfile: the rendered text, with what it names on the network pinned as far as known.
        contexts: the folders that it reads from, as (name, folder relative to the project's root).
        reads: what it reads in them; nothing else is sent to the engine.
        rootfs: the root file system that a base is made of, or ``None``.
        wheels: what it asks Python indexes for, or ``None``.
        secrets: what the build sees as secrets, as (id, environment variable of the host).
        moving: names on the network that it and its parents rest on and that may come to stand
            for something else: tags of images, branches.
        unresolved: those of them that a run has yet to look up; its key is not final.
        inputs: what went into the key, as (name, digest or value), for explanations.
    """

    kind: str
    name: str
    key: str
    parent: str | None
    dockerfile: str
    contexts: tuple[tuple[str, str], ...] = ()
    reads: tuple[Read, ...] = ()
    rootfs: Rootfs | None = None
    wheels: Wheels | None = None
    secrets: tuple[tuple[str, str], ...] = ()
    moving: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()

    @property
    def ref(self) -> str:
        """Its tag in the engine."""
        return step_ref(self.name, self.key)

    @property
    def label(self) -> str:
        """What logs and tables call it."""
        return f"{self.kind if self.kind == self.name else self.name}@{self.key[:8]}"


def step_ref(name: str, key: str) -> str:
    """The engine's tag of a step: under a domain that no registry can ever answer for (RFC 2606),
    so that a missing parent fails at once instead of being looked for on Docker Hub."""
    return f"factory.invalid/{name}:{key[:KEY_DIGITS]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedBuild:
    """A build, the steps that make it (base first), and the tags that it gets.

    ``immutable`` is never rewritten; each of ``floating`` moves to whatever passed last.
    """

    build: Build
    steps: tuple[str, ...]
    immutable: str
    floating: tuple[str, ...]

    @property
    def key(self) -> str:
        """The key of the last step, which covers all before it."""
        return self.steps[-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a build would do.

    Attributes:
        steps: distinct ones by key, parents before children.
        builds: the builds that they make.
        base: where bases come from, ``registry`` or ``packages``; empty if nothing was planned.
        refused: builds that cannot be planned, and why; the others do not mind.
        pairs: of its builds, those that are verified together too.
        groups: whose floating tags move together, of those with a build of this plan.
    """

    steps: Mapping[str, Step]
    builds: tuple[PlannedBuild, ...]
    base: str = ""
    refused: Mapping[Build, ConfigError] = field(default_factory=dict)
    pairs: tuple[Pair, ...] = ()
    groups: tuple[Group, ...] = ()

    def whole(self) -> Plan:
        """The plan itself, for those who can do nothing with a part of it.

        Raises:
            ConfigError: a build was refused; what several were refused for is told once.
        """
        errors = list({str(error): error for error in self.refused.values()}.values())
        if errors:
            raise errors[0] if len(errors) == 1 else ConfigErrors(errors)
        return self
