"""What the factory would ask of an image, or of a pair, that was built without its ledger."""

from __future__ import annotations

from factory import judging
from factory.model import Built, Pair, PlannedBuild, Project
from factory.settings import Settings
from factory.verify import ClusterRequest, nvidia_runtime


def request_of(
    settings: Settings, project: Project, planned: PlannedBuild, ref: str
) -> ClusterRequest:
    """The cluster of a build whose image the engine knows as ``ref``."""
    return judging.request_of(settings, project, planned, _built(ref), gpus=_gpus(planned))


def pair_request_of(
    settings: Settings, project: Project, pair: Pair, planned: PlannedBuild, refs: tuple[str, str]
) -> ClusterRequest:
    """The mixed cluster of a pair.

    Args:
        planned: the head's build.
        refs: how the engine knows the head's image, and the workers'.
    """
    images = _built(refs[0]), _built(refs[1])
    return judging.pair_request(settings, project, pair, planned, images, gpus=_gpus(planned))


def _gpus(planned: PlannedBuild) -> bool:
    return planned.build.cell.device == "gpu" and nvidia_runtime()


def _built(ref: str) -> Built:
    return Built(
        key="",
        ref=ref,
        image_id=ref,
        config_digest="",
        substituted_base=False,
        reason="",
        at="",
        seconds=0.0,
    )
