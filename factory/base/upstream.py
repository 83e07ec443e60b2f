"""``rayproject/ray`` as a registry has it: which tag a cell stands on, and whether it is there.

Not every combination of Ray, Python and platform is published, and releases have lagged: what a
tag names is looked up before anything is rendered on it. That is a HEAD, which Docker Hub does not
count as a pull.

https://github.com/ray-project/ray/blob/master/docker/ray/README.md
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from threading import Thread
from typing import TypeVar

from factory import process
from factory.errors import (
    ConfigError,
    FactoryError,
    Interrupted,
    MachineError,
    RegistryError,
)
from factory.registry import Registry, locate, place

_NAME = "rayproject/ray"
_TAG = re.compile(r"(?P<ray>[^-]+)-py(?P<major>\d)(?P<minor>\d+)-(?P<platform>.+)", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_ALTERNATIVES = (
    "set `base.mirror` to a registry that this machine can use, or `base.source: packages`"
)
_SECONDS = 10.0
_PATIENT_SECONDS = 20.0
_STEP_SECONDS = 0.2

T = TypeVar("T")


def upstream_tag(ray: str, python: str, platform: str) -> str:
    """A release by Ray's tag grammar, such as ``2.60.0-py311-cpu``.

    Args:
        ray: full version.
        python: minor version, such as ``3.11``.
        platform: ``cpu``, or a CUDA release as Ray calls it, such as ``cu130``.
    """
    return f"{ray}-py{python.replace('.', '')}-{platform}"


def upstream_repository(mirror: str | None) -> str:
    """The full name of ``rayproject/ray`` at a mirror (``host[:port][/path]``), or Docker Hub."""
    return f"{(mirror or 'docker.io').rstrip('/')}/{_NAME}"


def resolve(registry: Registry, repository: str, tag: str) -> str:
    """The digest of what a tag names now, asked for within thirty seconds.

    Raises:
        ConfigError: a registry is there, and has no such tag.
        MachineError: the registry cannot be reached, does not let us in, or gives no digest.
        Interrupted: the run was cancelled meanwhile.
    """
    try:
        digest = _digest(registry, repository, tag)
    except RegistryError as error:
        raise _unusable(error, repository, tag) from error
    except TimeoutError:
        raise MachineError(
            _silent(repository, _PATIENT_SECONDS),
            where=place(repository, tag),
            todo=f"see that it is well, {_ALTERNATIVES}",
        ) from None
    if digest is None:
        raise _missing(repository, tag)
    if not _DIGEST.fullmatch(digest):  # it becomes part of a Dockerfile
        raise MachineError(
            "the registry answers with something that is no digest",
            where=place(repository, tag),
            todo=_ALTERNATIVES,
        )
    return digest


def answers(registry: Registry, repository: str) -> str | None:
    """Why a repository cannot be used from here, asked within ten seconds; ``None`` if it can."""
    try:
        return _heard(partial(_why_not, registry.hasty(), repository), _SECONDS)
    except TimeoutError:
        return _silent(repository, _SECONDS)


def _digest(registry: Registry, repository: str, tag: str) -> str | None:
    try:
        return _heard(partial(_look_up, registry, repository, tag), _PATIENT_SECONDS)
    except TimeoutError:  # one that is told to wait knows why: who does not wait is told, too
        return _heard(partial(_look_up, registry.hasty(), repository, tag), _SECONDS)


def _look_up(registry: Registry, repository: str, tag: str) -> str | None:
    digest = registry.head(repository, tag)
    if digest is None:
        registry.ping(repository)  # anything that is no registry says "not found" too
    return digest


def _heard(ask: Callable[[], T], seconds: float) -> T:
    """What a question is answered with; ``TimeoutError`` if it takes longer.

    A time-out of a connection is for one address, and a name may have many; that of looking the
    name up is the system's. Neither ends at Ctrl-C.
    """
    heard: Future[T] = Future()

    def run() -> None:
        try:
            heard.set_result(ask())
        except BaseException as error:
            heard.set_exception(error)  # raised again where it is waited for

    Thread(target=run, daemon=True).start()
    deadline = time.monotonic() + seconds
    while not process.is_cancelled():
        left = deadline - time.monotonic()
        if wait([heard], max(min(left, _STEP_SECONDS), 0)).done:
            return heard.result()
        if left <= 0:
            raise TimeoutError
    raise Interrupted("interrupted")


def _silent(repository: str, seconds: float) -> str:
    return f"{locate(repository).host} does not answer within {seconds:.0f} seconds"


def _why_not(registry: Registry, repository: str) -> str | None:
    try:
        registry.ping(repository)
        registry.head(repository, "latest")  # whether it is there or not: we would be let in
    except FactoryError as error:
        return error.what
    return None


def _missing(repository: str, tag: str) -> ConfigError:
    found = _TAG.fullmatch(tag)
    cells = "cells on it"
    if found:
        python = f"{found['major']}.{found['minor']}"
        cells = f"cells of Ray {found['ray']}, Python {python} and {found['platform']}"
    return ConfigError(
        f"there is no image {place(repository, tag)}, which {cells} stand on",
        where="matrix.yaml",
        todo="exclude these cells, take another Ray, Python or CUDA that is published there, or "
        "set `base.source: packages`",
    )


def _unusable(error: RegistryError, repository: str, tag: str) -> MachineError:
    login = locate(repository).login
    first = {
        401: f"log in with `{login}`, see that the name is right, ",
        403: f"log in with `{login}` as somebody who may use it, ",
        429: f"wait for its limit to pass, log in with `{login}` for a higher one, ",
    }.get(error.status or 0, "see that this machine can reach it, ")
    return MachineError(
        error.what, where=place(repository, tag), todo=first + _ALTERNATIVES, detail=error.detail
    )
