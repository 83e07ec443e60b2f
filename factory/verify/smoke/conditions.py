"""Of which images, and of which clusters, a check is asked."""

from __future__ import annotations

from .protocol import Expected


def everywhere(_: Expected) -> bool:
    """Of every image."""
    return True


def with_rllib(expected: Expected) -> bool:
    """Of images with RLlib."""
    return all(image.rllib for image in expected.images)


def with_a_torch_of_its_own(expected: Expected) -> bool:
    """Of images with RLlib, and of those for GPUs that ask for torch: there, the one for CPUs would
    leave the GPU idle, and say nothing. Which torch others ask for is their affair."""
    return all(it.rllib or (it.torch and it.device == "gpu") for it in expected.images)


def without_torch(expected: Expected) -> bool:
    """Of images that have no reason to have torch."""
    return not expected.torch


def made_for_gpus(expected: Expected) -> bool:
    """Of images for GPUs, wherever they are verified."""
    return any(image.device == "gpu" for image in expected.images)


def with_gpu_workers(expected: Expected) -> bool:
    """Of clusters whose workers declare GPUs."""
    return expected.of(worker=True).device == "gpu"


def with_data(expected: Expected) -> bool:
    """Of images that rely on Ray Data."""
    return expected.data


def with_serve(expected: Expected) -> bool:
    """Of images that rely on Ray Serve."""
    return expected.serve


def for_any_user(expected: Expected) -> bool:
    """Of images that promise to start as a user that they do not know."""
    return expected.arbitrary_uid


def for_read_only(expected: Expected) -> bool:
    """Of images that promise to start on a read-only root."""
    return expected.read_only
