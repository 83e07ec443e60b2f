"""Whether torch is the build that the image is meant to have."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import ray

from ..protocol import Expected
from .cluster import alive, expect, on_node
from .cuda import VERSION, runtime_version, same_release

_MAPS = Path("/proc/self/maps")


def torch_flavour(expected: Expected) -> None:
    """The same on every node; on one for GPUs, on the one CUDA runtime that is in the image."""
    members = alive()
    wanted = [expected.of(worker=node.worker).cuda for node in members]
    refs = [
        on_node(_flavour, node).remote(expected.declared and cuda is not None)
        for node, cuda in zip(members, wanted)
    ]
    everywhere = ray.get(refs)
    for node, cuda, found in zip(members, wanted, everywhere):
        meant = cuda if expected.declared else everywhere[0]["cuda"]
        complaint = misfit(found, meant, alone=expected.declared)
        expect(not complaint, f"on {node.address} {complaint}")


def misfit(found: dict[str, Any], cuda: str | None, *, alone: bool = True) -> str:
    """How what was found is not the flavour for this CUDA (``None``: for none); empty if it is.

    Args:
        alone: whether that CUDA has to be the only one in the image.
    """
    if found["error"]:
        return f"torch cannot be imported: {found['error']}"
    if found["cuda"] != cuda:
        return f"torch {found['torch']} is built for {_words(found['cuda'])}, not {_words(cuda)}"
    if cuda is None or not alone:
        return ""
    copies, loaded = found["copies"], found["loaded"]
    if len(copies) != 1:
        return f"there are {len(copies)} CUDA runtimes: {', '.join(copies) or 'none'}"
    if loaded != copies:
        return f"torch loads {', '.join(loaded) or 'no CUDA runtime'}, not {copies[0]}"
    if not found["version"] == same_release(found["variable"]) == cuda:
        return f"torch's runtime is {found['version']}, {VERSION} is {found['variable']!r}"
    return ""


def _words(cuda: object) -> str:
    return f"CUDA {cuda}" if cuda else "no CUDA"


def _flavour(with_cuda: bool) -> dict[str, Any]:
    """A plain dict, since a class of ours would be another one on the way back."""
    found: dict[str, Any] = {"error": "", "torch": "", "cuda": None, "variable": ""}
    try:
        torch: Any = importlib.import_module("torch")
    except Exception as error:  # it is whatever a broken installation raises
        return {**found, "error": f"{type(error).__name__}: {error}".splitlines()[0]}
    found = {**found, "torch": str(torch.__version__), "cuda": torch.version.cuda}
    if not with_cuda:
        return found
    loaded = _loaded()
    return {
        **found,
        "variable": os.environ.get(VERSION, ""),
        "copies": copies(sys.path),
        "loaded": loaded,
        "version": runtime_version(loaded[0]) if loaded else "",
    }


def copies(folders: list[str]) -> list[str]:
    """The CUDA runtimes under these folders, each file once."""
    found = {
        str(Path(root, name).resolve())
        for folder in filter(None, folders)
        for root, _, names in os.walk(folder)
        for name in names
        if name.startswith("libcudart") and ".so" in name
    }
    return sorted(found)


def _loaded() -> list[str]:
    """The CUDA runtimes that this process has loaded."""
    mapped = (line.split(maxsplit=5) for line in _MAPS.read_text("utf-8").splitlines())
    paths = {fields[5] for fields in mapped if len(fields) == 6}
    return sorted(
        str(Path(path).resolve()) for path in paths if Path(path).name.startswith("libcudart")
    )
