"""The words of the factory as frozen types: all that crosses from one room to another.

Nothing here does I/O. Digests are written ``sha256:<64 hex digits>``, keys are the bare 64 hex
digits, times are seconds (durations) or ISO 8601 in UTC (instants).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

KEY_DIGITS = 12
"""How much of a key a tag shows: 48 bits, ample for the images that one repository ever holds."""

KEY_LABEL = "io.ray-image-factory.key"
"""The label by which an image says with which key it was built."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One point of the matrix.

    Attributes:
        python: minor version, such as ``3.11``.
        ray: full version, such as ``2.60.0``.
        device: ``cpu`` or ``gpu``.
        rllib: whether RLlib (with torch) is part of the image.
        extra: further axes of the user's, as (axis, value) in the order of the matrix.
    """

    python: str
    ray: str
    device: str
    rllib: bool = False
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """The name people type: Ray's tag grammar, then our own suffixes."""
        parts = [self.ray, f"py{self.python.replace('.', '')}", self.device]
        parts += ["rllib"] if self.rllib else []
        parts += [value for _, value in self.extra]
        return "-".join(parts)

    @property
    def axes(self) -> dict[str, str]:
        """Axis name to value, as text (``rllib`` is ``true`` or ``false``)."""
        fixed = {
            "python": self.python,
            "ray": self.ray,
            "device": self.device,
            "rllib": str(self.rllib).lower(),
        }
        return fixed | dict(self.extra)


@dataclass(frozen=True, kw_only=True, slots=True)
class Excluded:
    """A cell that the matrix spans but does not keep, and the author's reason."""

    cell: Cell
    reason: str
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """What an image does differently in the cells that ``when`` matches.

    ``apt`` and ``env`` add to the image's own; ``requirements`` replaces them.
    """

    when: tuple[tuple[str, str], ...]
    requirements: str | None = None
    apt: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()

    def matches(self, cell: Cell) -> bool:
        return all(cell.axes.get(axis) == value for axis, value in self.when)


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An application image: ``images/<name>/image.yaml``, validated.

    Attributes:
        name: the folder's name, and the repository's.
        folder: relative to the project's root.
        source: the application's folder, relative to ``folder``.
        requirements: a pip requirements file, relative to ``folder``, or ``None``.
        apt: Debian packages.
        env: environment variables of the image.
        checks: a Python file with smoke checks of its own, relative to ``folder``, or ``None``.
        overrides: per-cell differences, applied in order.
    """

    name: str
    folder: str
    description: str
    source: str
    requirements: str | None = None
    apt: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    checks: str | None = None
    overrides: tuple[Override, ...] = ()

    def for_cell(self, cell: Cell) -> Image:
        """This image with the overrides that match a cell applied, and none left."""
        image = replace(self, overrides=())
        for override in self.overrides:
            if override.matches(cell):
                image = replace(
                    image,
                    requirements=override.requirements or image.requirements,
                    apt=tuple(dict.fromkeys((*image.apt, *override.apt))),
                    env=tuple((dict(image.env) | dict(override.env)).items()),
                )
        return image


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """Where the base comes from.

    Attributes:
        source: ``packages``: made from Debian and PyPI packages, a stand-in for ``rayproject/ray``.
        epoch: "as of when" for what a key cannot see (Debian's current packages).
        extras: of Ray, such as ``default``.
        wheel: a Ray wheel of the user's own, relative to the project's root, or ``None``.
    """

    source: str
    epoch: str
    extras: tuple[str, ...]
    wheel: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanPolicy:
    """What the scan gate refuses. A secret always is.

    Attributes:
        vulnerabilities: severities that refuse, in capitals.
        misconfigurations: likewise.
        ignore_unfixed: a vulnerability that nobody has a fix for is reported, and not refused.
        database_max_age_days: a vulnerability database older than this counts as none.
    """

    vulnerabilities: frozenset[str] = frozenset({"CRITICAL"})
    misconfigurations: frozenset[str] = frozenset({"CRITICAL", "HIGH"})
    ignore_unfixed: bool = True
    database_max_age_days: int = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """``matrix.yaml``, validated and spanned.

    Attributes:
        cells: in the order of the axes, included ones last.
        excluded: with reasons.
        latest: the cell that ``latest`` names, or ``None``.
        base: where the base comes from.
        runtime_apt: Debian packages that every image gets.
        targets: where to publish.
        scan: the scan gate's policy.
        workers: how many workers ``verify`` boots beside the head.
    """

    cells: tuple[Cell, ...]
    excluded: tuple[Excluded, ...]
    latest: Cell | None
    base: Base
    runtime_apt: tuple[str, ...]
    targets: tuple[Target, ...]
    scan: ScanPolicy
    workers: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """All that a user wrote, read and validated: the input of planning.

    Attributes:
        matrix: the cells and the rest of ``matrix.yaml``.
        images: by name, in order.
        templates: file name to text, of ``dockerfiles/``.
        digests: path relative to the root to the SHA-256 of what is there (file or folder), for
            every path that a Dockerfile of ours reads.
    """

    matrix: Matrix
    images: Mapping[str, Image]
    templates: Mapping[str, str]
    digests: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """Image × cell: the unit that is judged and published."""

    image: str
    cell: Cell

    @property
    def id(self) -> str:
        return f"{self.image}:{self.cell.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One Dockerfile build in the chain base → runtime → app.

    Attributes:
        kind: ``base``, ``runtime`` or ``app``.
        name: the repository name of its local tag; an app step bears its image's name.
        key: the content key; equal keys are one step.
        parent: the key of the step that this one is FROM, or ``None`` for a base.
        dockerfile: the rendered text.
        suite: the Debian suite underneath, which decides which package sources fit.
        context: the folder that COPY reads from, relative to the project's root, or ``None``.
        copies: the paths in that folder that are read; nothing else is sent to the engine.
        rootfs: the root file system that a base is made of, or ``None``.
        inputs: what went into the key, as (name, digest or value), for explanations.
    """

    kind: str
    name: str
    key: str
    parent: str | None
    dockerfile: str
    suite: str
    context: str | None = None
    copies: tuple[str, ...] = ()
    rootfs: Rootfs | None = None
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
class Rootfs:
    """A Debian root file system, by what it is asked to be.

    Attributes:
        suite: Debian's code name, such as ``bookworm``.
        epoch: the user's mark for "as of when": changing it fetches anew.
    """

    suite: str
    epoch: str


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
    """What a build would do: distinct steps by key, parents before children, and the builds."""

    steps: Mapping[str, Step]
    builds: tuple[PlannedBuild, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A step that exists in the engine.

    Attributes:
        key: the step's key.
        ref: its tag in the engine, for people.
        image_id: the engine's own id of it: what is booted, scanned and pushed, since a tag can
            be moved by another factory on the same engine.
        config_digest: digest of the image's configuration; what verdicts are bound to. It is the
            same under every store, compression and registry.
        substituted_base: whether its base is a stand-in for ``rayproject/ray``.
        reason: why it was built, for people.
        at: when.
        seconds: how long it took.
    """

    key: str
    ref: str
    image_id: str
    config_digest: str
    substituted_base: bool
    reason: str
    at: str
    seconds: float


class Status(StrEnum):
    """The outcome of a gate. PARTIAL: something could not be checked here, and it is named."""

    PASS = "pass"
    FAIL = "fail"
    PARTIAL = "partial"


class CheckStatus(StrEnum):
    """The outcome of one check; a check that did not run is never PASS."""

    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that a gate looked at.

    Attributes:
        name: stable and typable, such as ``jobs-api``.
        status: what came of it.
        seconds: how long it took.
        reason: on anything but a pass, why.
        detail: lines that help to mend it: a traceback's end, a log's tail.
    """

    name: str
    status: CheckStatus
    seconds: float = 0.0
    reason: str = ""
    detail: tuple[str, ...] = ()


class Gate(StrEnum):
    """What judges an image before it may be published."""

    SCAN = "scan"
    VERIFY = "verify"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The outcome of a gate for one image, bound to its config digest.

    Attributes:
        gate: who judged.
        config_digest: what was judged.
        basis: digest of what it was judged with (suite code, topology, policy, database): a
            verdict is reused only on the same basis.
        status: PASS only if every check ran and passed.
        partial: on PARTIAL, the reasons by name, for a target's policy to accept or not.
        checks: everything that was looked at.
        seconds, at: how long, and when.
    """

    gate: Gate
    config_digest: str
    basis: str
    status: Status
    partial: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    seconds: float = 0.0
    at: str = ""

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.status is CheckStatus.FAIL)


NO_DATABASE = "no vulnerability database"
SUBSTITUTED_BASE = "substituted base"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A place to publish.

    Attributes:
        name: its key in ``matrix.yaml``.
        registry: ``host:port``, optionally followed by a path prefix.
        accept: the partial reasons with which an image may still be published there.
    """

    name: str
    registry: str
    accept: frozenset[str] = frozenset()

    def repository(self, image: str) -> str:
        """The full repository name of an image, without a tag."""
        return f"{self.registry}/{image}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """A build that is at a target: which manifest its tags name."""

    build_id: str
    key: str
    target: str
    repository: str
    immutable: str
    floating: tuple[str, ...]
    manifest_digest: str
    config_digest: str
    at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """All that the ledger knows of one build.

    Attributes:
        build_id: such as ``ray-app:2.60.0-py311-gpu``.
        key: the key that it was last planned with.
        built: its image in the engine, or ``None`` if it was never built with this key.
        verdicts: the latest of each gate for that image.
        publications: where it is published, one a target, of whatever key.
    """

    build_id: str
    key: str
    built: Built | None = None
    verdicts: tuple[Verdict, ...] = ()
    publications: tuple[Publication, ...] = ()


class State(StrEnum):
    """What became of one piece of work in a run."""

    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One piece of work after a run: a value, so that one failure does not stop the others.

    Attributes:
        id: ``<verb> <subject>``, such as ``verify ray-app:2.60.0-py311-cpu``.
        verb, subject: its two halves.
        state: what became of it.
        reason: why, in a line.
        detail: on a failure, the lines that matter.
        code: the exit code that its failure asks for, 0 where there is none.
        seconds: how long it took.
    """

    verb: str
    subject: str
    state: State
    reason: str = ""
    detail: tuple[str, ...] = field(default=())
    code: int = 0
    seconds: float = 0.0

    @property
    def id(self) -> str:
        return f"{self.verb} {self.subject}"


class Health(StrEnum):
    """How something that the factory needs is on this machine."""

    OK = "ok"
    WARN = "warn"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that ``invoke doctor`` looked at, and how to mend it (empty where it is well)."""

    name: str
    state: Health
    what: str
    remedy: str = ""
