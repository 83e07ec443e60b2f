"""What the serial script asks an image's cluster: the factory's quick suite, to the byte, though of
one container fewer: what the factory asks of a single one, it asks of the head.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from factory.judging import COMPOSE_FILE
from factory.model import CheckStatus, PlannedBuild, Project
from factory.verify import ClusterRequest, nvidia_runtime
from factory.verify.bundle import script
from factory.verify.events import Transcript
from factory.verify.request import Material
from factory.verify.selection import Selection


def request_of(project: Project, root: Path, planned: PlannedBuild, ref: str) -> ClusterRequest:
    """The cluster of a build whose image the engine knows as ``ref``."""
    cell = planned.build.cell
    cuda = project.matrix.devices[cell.device].cuda
    lineage = project.lineage(planned.build.image)
    return ClusterRequest(
        subject=planned.build.id,
        config_digest="",
        head_ref=ref,
        worker_ref=ref,
        cell=cell,
        compose_file=COMPOSE_FILE,
        workers=project.matrix.workers,
        torch=any(project.asks_for(image, cell, "torch") for image in lineage),
        own_checks=tuple(root / one.folder / one.checks for one in lineage if one.checks),
        cuda=cuda.version if cuda else None,
        needs=project.needs(planned.build.image, cell),
        nvidia_runtime=cell.device == "gpu" and nvidia_runtime(),
    )


def questions(request: ClusterRequest) -> tuple[bytes, Transcript]:
    """The script for the head's Python, and what its answers are held against."""
    material = Material.of(request)
    own = material.own_checks
    chosen = Selection.of(request.expected, own.specs, gpus=request.gpus)
    names = (*chosen.contract, *chosen.names)
    transcript = Transcript(names, secrets.token_hex(16))
    text = script(material.suite, request.expected, own, checks=names, nonce=transcript.nonce)
    return text, transcript


def failures(transcript: Transcript) -> list[str]:
    """The checks that did not pass, and why; none if all did."""
    checks = transcript.checks()
    return [f"{it.name}: {it.reason}" for it in checks if it.status is not CheckStatus.PASS]
