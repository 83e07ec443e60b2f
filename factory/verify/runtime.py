"""Whether the engine can give a container a GPU."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from factory import process
from factory.errors import VerifyError
from factory.process import ProcessFailed

_SECONDS = 60.0
_RUNTIME = "nvidia"
_DEVICES = "nvidia.com/gpu"


@cache
def nvidia_runtime() -> bool:
    """Ask the engine, once in the life of a process.

    Raises:
        VerifyError: it does not answer.
        MachineError: there is no Docker client.
    """
    try:
        said = process.run(["docker", "info", "--format", "json"], timeout=_SECONDS)
        info = json.loads(said.stdout)
    except (ProcessFailed, ValueError) as error:
        raise VerifyError(
            "the Docker engine does not say whether it has an NVIDIA runtime",
            todo="run `invoke doctor`, then verify again",
            detail=error.completed.tail if isinstance(error, ProcessFailed) else (),
        ) from error
    return has_nvidia(info)


def has_nvidia(info: Mapping[str, Any]) -> bool:
    """Whether the document of ``docker info`` names a runtime of NVIDIA's, or, from Engine 28.2 on,
    a GPU of NVIDIA's as a CDI device."""
    devices = [str(one.get("ID", "")) for one in info.get("DiscoveredDevices") or ()]
    return _RUNTIME in (info.get("Runtimes") or {}) or any(
        device.startswith(_DEVICES) for device in devices
    )
