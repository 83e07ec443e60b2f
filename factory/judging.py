"""What the judging gates are asked of a build, and which verdict stands: what performs a gate and
what explains it go by the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory import scan as scan_room
from factory import verify as verify_room
from factory.base import driver_floor
from factory.errors import ConfigError, VerifyError
from factory.ledger import Ledger
from factory.matrix import near
from factory.model import (
    COLD_SUITE,
    NO_RUNTIME,
    Build,
    Built,
    Gate,
    Pair,
    PlannedBuild,
    Project,
    Status,
    Verdict,
)
from factory.publish import outranking
from factory.settings import Settings

if TYPE_CHECKING:
    from factory.verify import ClusterRequest

COMPOSE_FILE = Path(__file__).parent.parent / "compose" / "cluster.yaml"


def request_of(
    settings: Settings, project: Project, planned: PlannedBuild, built: Built, *, gpus: bool
) -> ClusterRequest:
    """The cluster by which a build's image is judged.

    Args:
        gpus: whether the engine can give a container a GPU.
    """
    build = planned.build
    lineage, cuda = project.lineage(build.image), _cuda(project, build)
    suite, budget = project.matrix.suite, project.matrix.cold_start
    return verify_room.ClusterRequest(
        subject=build.id,
        config_digest=built.config_digest,
        head_ref=built.image_id,
        worker_ref=built.image_id,
        cell=build.cell,
        compose_file=COMPOSE_FILE,
        workers=project.matrix.workers,
        suite=suite,
        budget=budget,
        torch=_asks_for_torch(project, build),
        own_checks=tuple(
            settings.root / image.folder / image.checks
            for image in lineage
            if image.checks and suite != COLD_SUITE  # none of them is asked there
        ),
        cuda=cuda,
        needs=project.needs(build.image, build.cell),
        contract=project.contract(build.image),
        driver=driver_floor(cuda) if cuda and project.matrix.base.substituted else None,
        nvidia_runtime=gpus,
    )


def pair_request(
    settings: Settings,
    project: Project,
    pair: Pair,
    planned: PlannedBuild,
    images: tuple[Built, Built],
    *,
    gpus: bool,
) -> ClusterRequest:
    """The mixed cluster by which the images of a pair are judged together.

    Args:
        planned: the head's build.
        images: the head's and the workers'.
        gpus: whether the engine can give a container a GPU.
    """
    head, workers = images
    return replace(
        request_of(settings, project, planned, head, gpus=gpus),
        subject=pair.id,
        worker_ref=workers.image_id,
        mixed=verify_room.Workers(
            config_digest=workers.config_digest,
            cell=pair.workers.cell,
            cuda=_cuda(project, pair.workers),
            torch=_asks_for_torch(project, pair.workers),
        ),
    )


def _cuda(project: Project, build: Build) -> str | None:
    cuda = project.matrix.devices[build.cell.device].cuda
    return cuda.version if cuda else None


def _asks_for_torch(project: Project, build: Build) -> bool:
    lineage = project.lineage(build.image)
    return any(project.asks_for(image, build.cell, "torch") for image in lineage)


def known_suite(suite: str) -> str:
    """The name of a suite, once it is sure that there is one of that name.

    Raises:
        ConfigError: there is none.
    """
    suites = verify_room.SUITES
    if suite not in suites:
        raise ConfigError(f"there is no suite {suite!r}", todo=near(suite, suites))
    return suite


def require_gpu_runtime(verdict: Verdict, subject: str) -> None:
    """Refuse a verdict that is partial because nothing was run on a GPU: the verdict stays what it
    is, but whoever asks for this wants no less.

    Raises:
        VerifyError: it is.
    """
    if NO_RUNTIME in verdict.partial:
        raise VerifyError(
            f"{subject}: {NO_RUNTIME}, and --require-gpu asks for one",
            todo="verify on a machine with an NVIDIA GPU and its container toolkit, or leave "
            "--require-gpu out",
        )


def standing(ledger: Ledger, gate: Gate, config_digest: str, basis: str) -> Verdict | None:
    """What a gate says of an image on a basis, if it was asked.

    Raises:
        MachineError: the ledger cannot be read.
    """
    known = ledger.verdict(gate, config_digest, basis)
    if known and known.status is Status.PARTIAL:
        return outranking(known, ledger.verdicts_of(gate, config_digest))
    return known


def at_target(verdict: Verdict, target: str) -> Verdict:
    """A verdict by a target's own policy, which counts there alone, even if the policies agree."""
    return replace(verdict, target=target, basis=f"{verdict.basis} at {target}")


def possible_parts(
    settings: Settings, project: Project, planned: PlannedBuild, built: Built, gate: Gate
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The bases that a verdict may have today, each with what it is a digest of: several where it
    depends on the engine, which is not asked.

    Raises:
        MachineError: there is no Trivy, or a trojaned one.
        OSError: a file that the basis rests on cannot be read.
    """
    if gate is Gate.SCAN:
        policy = project.matrix.scan_policy(planned.build)
        parts = scan_room.current_parts(policy, settings.cache)
        yield scan_room.basis_of(parts), _as_recorded(parts)
        return
    for gpus in _maybe_gpus(planned.build):
        yield _parts_of(request_of(settings, project, planned, built, gpus=gpus))


def possible_pair_parts(
    settings: Settings,
    project: Project,
    pair: Pair,
    planned: PlannedBuild,
    images: tuple[Built, Built],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same of two images together, as ``pair_request`` takes them.

    Raises:
        OSError: a file that the basis rests on cannot be read.
    """
    for gpus in _maybe_gpus(*pair.builds):
        yield _parts_of(pair_request(settings, project, pair, planned, images, gpus=gpus))


def _maybe_gpus(*builds: Build) -> tuple[bool, ...]:
    """Whether the engine may give the nodes of these a GPU, as far as their cells tell."""
    return (True, False) if "gpu" in {build.cell.device for build in builds} else (False,)


def _parts_of(request: ClusterRequest) -> tuple[str, dict[str, Any]]:
    parts = verify_room.parts(request)
    return verify_room.basis_of(parts), _as_recorded(parts)


def _as_recorded(parts: dict[str, Any]) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads(json.dumps(parts))
    return recorded
