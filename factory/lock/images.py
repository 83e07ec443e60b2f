"""What Python packages a base image has, asked of the image itself."""

from __future__ import annotations

import re

from factory import process
from factory.errors import MachineError
from factory.model import Lock, Pin
from factory.registry import split_tag

_PYTHON = "/home/ray/anaconda3/bin/python"
_LIST = """\
from importlib.metadata import distributions
for it in distributions():
    print(f"{it.metadata['Name']}=={it.version}")
"""
_LINE = re.compile(r"([A-Za-z0-9._-]+)==([a-z0-9.+!]+)", re.ASCII)
_SECONDS = 300


def packages_in(image: str, digest: str) -> Lock:
    """The packages of a base image that the engine has. It runs with no network, and nothing is
    fetched for it.

    Args:
        image: its name, with the tag that the digest was looked up by.

    Raises:
        MachineError: the engine does not have it, or cannot be asked.
    """
    ref = f"{split_tag(image)[0]}@{digest}"
    alone = ["--rm", "--init", "--pull", "never", "--network", "none", "--entrypoint", _PYTHON]
    try:
        said = process.run(["docker", "run", *alone, ref, "-c", _LIST], timeout=_SECONDS)
    except process.ProcessFailed as error:
        raise MachineError(
            f"what is in {image} cannot be seen, and what stands on it cannot be locked without",
            todo=f"fetch it with `docker pull {ref}`, then run again",
            detail=error.completed.tail[-3:],
        ) from error
    found = (_LINE.fullmatch(line) for line in said.stdout.splitlines())
    pins = {_normal(one[1]): Pin(version=one[2]) for one in found if one}
    return Lock(made_for=digest, pins=pins)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
