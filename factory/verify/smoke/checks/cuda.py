"""Whether an image for GPUs brings the CUDA that it says, and whether that reaches a GPU."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any

import ray

from ..protocol import Expected
from .cluster import Node, alive, expect, on_each, pinned

VERSION = "CUDA_VERSION"
_VISIBLE = "NVIDIA_VISIBLE_DEVICES"
_CAPABILITIES = "NVIDIA_DRIVER_CAPABILITIES"
_REQUIRED = "NVIDIA_REQUIRE_CUDA"
_VARIABLES = (VERSION, _VISIBLE, _CAPABILITIES, _REQUIRED)

_PATTERN = bytes(range(256)) * 4096
_TO_DEVICE, _TO_HOST = 1, 2
_DEVICE_SECONDS = 60.0


def cuda_runtime(expected: Expected) -> None:
    """What NVIDIA's container toolkit reads, and the library that programs link."""
    unsaid = any(image.device == "gpu" and image.cuda is None for image in expected.images)
    expect(not unsaid, f"nothing says which CUDA this is: {VERSION} is not set")
    cuda = _cuda(expected)
    members = [node for node in alive() if expected.of(worker=node.worker).device == "gpu"]
    for node, (version, variables) in zip(members, on_each(members, _runtime, library(cuda))):
        expect(version == cuda, f"on {node.address} the CUDA runtime is {version}, not {cuda}")
        complaint = disagreement(variables, cuda)
        expect(not complaint, f"on {node.address} {complaint}")


def _cuda(expected: Expected) -> str:
    """The version in the images for GPUs, which in one matrix all have the same."""
    return next(str(image.cuda) for image in expected.images if image.device == "gpu")


def library(cuda: str) -> str:
    """The runtime's name to a loader."""
    return f"libcudart.so.{cuda.partition('.')[0]}"


def runtime_version(name: str) -> str:
    """What a copy of the runtime says of itself, such as ``13.0``: it needs no driver for that. Of
    one that cannot be loaded, why not."""
    number = ctypes.c_int()
    try:
        code = ctypes.CDLL(name).cudaRuntimeGetVersion(ctypes.byref(number))
    except (OSError, AttributeError) as error:
        return f"unusable ({error})"
    return f"{number.value // 1000}.{number.value % 1000 // 10}" if code == 0 else f"error {code}"


def disagreement(variables: Mapping[str, str], cuda: str) -> str:
    """How an image's variables contradict its CUDA, or each other; empty if they don't."""
    unset = [name for name in _VARIABLES if not variables.get(name)]
    if unset:
        return f"{unset[0]} is not set"
    if same_release(variables[VERSION]) != cuda:
        return f"{VERSION} is {variables[VERSION]}, not {cuda}"
    if f"cuda>={cuda}" not in variables[_REQUIRED].split():
        return f"{_REQUIRED} is {variables[_REQUIRED]!r}, not 'cuda>={cuda}'"
    given = set(variables[_CAPABILITIES].split(","))
    if "all" not in given and not {"compute", "utility"} <= given:
        return f"{_CAPABILITIES} is {variables[_CAPABILITIES]}: compute and utility are needed"
    return ""


def same_release(version: str) -> str:
    """Major and minor of a version."""
    return ".".join(version.split(".")[:2])


def _runtime(name: str) -> tuple[str, dict[str, str]]:
    return runtime_version(name), {name: os.environ.get(name, "") for name in _VARIABLES}


def cuda_device(expected: Expected) -> None:
    """Each GPU that the cluster was given takes 1 MiB and gives it back unharmed."""
    nodes = [node for node in alive() if _has_gpu(node, expected)]
    refs = [
        ray.remote(num_cpus=1 if node.worker else 0, num_gpus=1)(_there_and_back)
        .options(scheduling_strategy=pinned(node))
        .remote(library(_cuda(expected)))
        for node in nodes
    ]
    ready, _ = ray.wait(refs, num_returns=len(refs), timeout=_DEVICE_SECONDS)
    for node, ref in zip(nodes, refs):
        expect(ref in ready, f"{node.address} ran nothing on a GPU in {_DEVICE_SECONDS:.0f} s")
        trouble = ray.get(ref)
        expect(not trouble, f"on {node.address} {trouble}")


def _has_gpu(node: Node, expected: Expected) -> bool:
    """Whether it was given one: each worker is, and a head whose workers are of another image."""
    given = node.worker or expected.workers is not None
    return given and expected.of(worker=node.worker).device == "gpu"


def _there_and_back(name: str) -> str:
    """What a GPU, if there is one, does to data; empty if it keeps them."""
    if not ray.get_gpu_ids():
        return "Ray gave the task no GPU"
    cudart: Any = ctypes.CDLL(name)
    cudart.cudaGetErrorString.restype = ctypes.c_char_p
    pointer, count = ctypes.c_void_p(), ctypes.c_int()
    size = ctypes.c_size_t(len(_PATTERN))
    back = ctypes.create_string_buffer(len(_PATTERN))
    for call, *arguments in (
        (cudart.cudaGetDeviceCount, ctypes.byref(count)),
        (cudart.cudaMalloc, ctypes.byref(pointer), size),
        (cudart.cudaMemcpy, pointer, _PATTERN, size, _TO_DEVICE),
        (cudart.cudaMemcpy, back, pointer, size, _TO_HOST),
        (cudart.cudaFree, pointer),
    ):
        code = call(*arguments)
        if code:
            return f"{call.__name__} says: {cudart.cudaGetErrorString(code).decode()}"
    return "" if back.raw == _PATTERN else "the GPU returned other data than it was given"
