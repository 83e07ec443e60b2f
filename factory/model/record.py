"""What was made and found: what the ledger keeps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from factory.model.coldstart import Timing


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
        ours: whether this tree made or fetched it, and may remove it.
        at: when.
        seconds: how long it took.
        source: the target that it was taken from; empty if it was built.
    """

    key: str
    ref: str
    image_id: str
    config_digest: str
    substituted_base: bool
    reason: str
    at: str
    seconds: float
    ours: bool = True
    source: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """A step that a run began to make, of which it has not said yet how that ended.

    Attributes:
        key, ref, reason: as of ``Built``.
        created: what the image's label of that name will say, which tells it from another maker's.
    """

    key: str
    ref: str
    reason: str
    created: str


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
        timing: of a check that measures something, what it found; ``None`` if it got not so far.
    """

    name: str
    status: CheckStatus
    seconds: float = 0.0
    reason: str = ""
    detail: tuple[str, ...] = ()
    timing: Timing | None = None


class Gate(StrEnum):
    """What judges an image. Those that are ``REQUIRED`` it has to pass before it is published."""

    SCAN = "scan"
    VERIFY = "verify"
    COLD_START = "coldstart"


REQUIRED = (Gate.SCAN, Gate.VERIFY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The outcome of a gate for one image, bound to its config digest.

    Attributes:
        gate: who judged.
        config_digest: what was judged; of a pair of images, what ``pair_digest`` makes of both.
        basis: digest of what it was judged with (suite code, topology, policy, database): a
            verdict is reused only on the same basis.
        status: PASS only if every check ran and passed.
        partial: on PARTIAL, the reasons by name, for a target's policy to accept or not.
        checks: everything that was looked at.
        seconds, at: how long, and when.
        images: of a pair, the config digests of the head's image and the workers'.
        pair: what these two were called when they were judged, for people alone.
        target: whose own policy it is by, if it is not everybody's: it counts there alone.
    """

    gate: Gate
    config_digest: str
    basis: str
    status: Status
    partial: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    seconds: float = 0.0
    at: str = ""
    images: tuple[str, ...] = ()
    pair: str = ""
    target: str = ""

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.status is CheckStatus.FAIL)


def pair_digest(head: str, workers: str) -> str:
    """What a verdict on two images is bound to: both of their config digests, each in its role."""
    return "sha256:" + hashlib.sha256(f"{head} {workers}".encode()).hexdigest()


NO_DATABASE = "no vulnerability database"

NO_JAVA_DATABASE = "no Java database"
"""By which Java archives are told apart: what is known of them was not looked for."""

NO_RUNTIME = "no NVIDIA runtime"
"""The engine cannot give a container a GPU, so that nothing was run on one."""

SUBSTITUTED_BASE = "substituted base"

BY_HAND = "adopted by hand"
"""The image was not built from what the project says, but committed by somebody."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class PairRecord:
    """What the ledger knows of two images together, by the ids of the builds that they are of."""

    head: str
    workers: str
    verdict: Verdict
