"""What an image for GPUs says on its labels, which is looked at without a GPU."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from factory import process
from factory.errors import VerifyError
from factory.model import Check, CheckStatus
from factory.process import ProcessFailed
from factory.verify.request import ClusterRequest

NAME = "driver-floor"
DRIVER, CUDA = "io.ray-image-factory.nvidia-driver", "com.nvidia.cuda.version"
_SECONDS = 60.0


def checks(request: ClusterRequest) -> tuple[Check, ...]:
    """Whether the labels name the driver that the image needs; nothing is asked of an image that
    does not have to name one.

    Raises:
        VerifyError: the engine does not say what the labels are.
    """
    if request.driver is None:
        return ()
    started = time.monotonic()
    said = complaint(_labels(request), cuda=str(request.cuda), driver=request.driver)
    return (
        Check(
            name=NAME,
            status=CheckStatus.FAIL if said else CheckStatus.PASS,
            seconds=round(time.monotonic() - started, 3),
            reason=said,
        ),
    )


def complaint(labels: Mapping[str, str], *, cuda: str, driver: str) -> str:
    """How labels do not say which CUDA and which driver at least; empty if they do."""
    for name, wanted in ((CUDA, cuda), (DRIVER, driver)):
        if labels.get(name) != wanted:
            return f"the label {name} is {labels.get(name)!r}, not {wanted!r}"
    return ""


def _labels(request: ClusterRequest) -> Mapping[str, str]:
    argv = ["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", request.worker_ref]
    try:
        return json.loads(process.run(argv, timeout=_SECONDS).stdout) or {}
    except (ProcessFailed, ValueError) as error:
        raise VerifyError(
            "the Docker engine does not say which labels the image has",
            where=request.subject,
            todo="run `invoke doctor`, then verify again",
            detail=error.completed.tail if isinstance(error, ProcessFailed) else (),
        ) from error
