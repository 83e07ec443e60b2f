"""A builder as this host is set up: its package sources, its Docker context, its checkout."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from factory import process
from factory.build.builder import Builder
from factory.build.client import BUILDX
from factory.build.host import host_sources
from factory.build.sources import PackageSources
from factory.context import Contents
from factory.errors import MachineError
from factory.model import CREATED, REVISION
from factory.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """How a host is set up.

    Attributes:
        sources: of packages.
        builder, buildx: as of ``Builder``.
        labels: what is on images and in no key.
    """

    sources: PackageSources
    builder: str
    buildx: tuple[str, ...]
    labels: Mapping[str, str]


class Host:
    """This host, which is asked once, and beside other work: its answers take a while."""

    def __init__(self, root: Path) -> None:
        """Of a project's root; nothing is asked yet."""
        self._root = root
        self._lock = threading.Lock()
        self._asked: Future[Facts] | None = None

    def ask(self) -> Future[Facts]:
        """Ask, if nobody did yet.

        The answer raises:
            ConfigError: uv's configuration cannot be read.
            MachineError: there is no Docker client.
        """
        with self._lock:
            self._asked = self._asked or _beside(self._answers)
            return self._asked

    def _answers(self) -> Facts:
        # Three programs that have nothing to do with each other, pip's start being the longest.
        sources, client = _beside(host_sources), _beside(_docker_client)
        labels = _volatile_labels(self._root)
        builder, buildx = client.result()
        return Facts(sources=sources.result(), builder=builder, buildx=buildx, labels=labels)


def _beside(ask: Callable[[], T]) -> Future[T]:
    """The answer to come. Whoever leaves before it is there does not wait for it, as with threads
    of a pool: a program that hangs keeps nobody from ending."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # for whoever asks for the answer
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return answer


def make_builder(
    settings: Settings,
    host: Host,
    *,
    contents: Contents,
    substituted_base: bool,
    compression: str | None,
    note: Callable[[str], None],
) -> Builder:
    """A builder for one run.

    Args:
        host: what it builds on.
        contents: the project's files, as they were digested.
        substituted_base: whether bases are stand-ins for ``rayproject/ray``.
        compression: of layers.
        note: gets what the user should know of this host's package sources.

    Raises:
        ConfigError: uv's configuration cannot be read.
        MachineError: there is no Docker client.
    """
    facts = host.ask().result()
    if facts.sources.left_out:
        note(f"builds do not see indexes that are folders: {', '.join(facts.sources.left_out)}")
    return Builder(
        root=settings.root,
        contents=contents,
        work=settings.state / "render",
        sources=facts.sources,
        builder=facts.builder,
        buildx=facts.buildx,
        compression=compression,
        substituted_base=substituted_base,
        labels=facts.labels,
    )


def _docker_client() -> tuple[str, tuple[str, ...]]:
    """The Docker context in use, which is the name of the buildx builder of its engine, and the
    program that builds: buildx itself, since the client that would start it looks through all of
    its plugins at first, each time."""
    try:
        said = process.run(["docker", "info", "--format", "{{json .ClientInfo}}"]).stdout
        client: dict[str, Any] = json.loads(said)
        plugins = {plugin["Name"]: plugin.get("Path") for plugin in client.get("Plugins") or ()}
        path, context = plugins.get("buildx"), client.get("Context") or "default"
    except process.ProcessFailed as error:
        raise MachineError(
            "the Docker client does not say which context it uses",
            todo="see what `docker info` says, and mend that",
            detail=error.completed.tail,
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MachineError(
            "the Docker client does not tell of itself as JSON",
            todo="see what `docker info --format '{{json .ClientInfo}}'` says, and mend that",
            detail=said.splitlines(),
        ) from error
    # A client that is a wrapper may tell of programs that are somewhere else.
    return context, (path,) if path and os.access(path, os.X_OK) else BUILDX


def _volatile_labels(root: Path) -> dict[str, str]:
    """Facts that are on the image and in no key."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    # An empty one is said, too: else that of a parent, which another commit made, would show.
    return {CREATED: created, REVISION: _revision(root) or ""}


def _revision(root: Path) -> str | None:
    """The commit of the project, if it is in a git repository with nothing uncommitted, and this
    machine has git."""
    git = process.find_tool("git")
    if git is None:
        return None
    asked = process.run([git, "-C", str(root), "rev-parse", "HEAD"], check=False)
    dirty = process.run([git, "-C", str(root), "status", "--porcelain"], check=False)
    return None if asked.code or dirty.code or dirty.stdout else asked.stdout.strip()
