"""A builder as this host is set up: its package sources, its Docker context, its checkout."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from factory import process
from factory.build.builder import Builder
from factory.build.host import host_sources
from factory.context import Contents
from factory.errors import MachineError
from factory.model import CREATED
from factory.settings import Settings


def make_builder(
    settings: Settings,
    *,
    contents: Contents,
    substituted_base: bool,
    compression: str | None,
    note: Callable[[str], None],
) -> Builder:
    """A builder for one run.

    Args:
        contents: the project's files, as they were digested.
        substituted_base: whether bases are stand-ins for ``rayproject/ray``.
        compression: of layers.
        note: gets what the user should know of this host's package sources.

    Raises:
        ConfigError: uv's configuration cannot be read.
        MachineError: there is no Docker client.
    """
    # Three programs that have nothing to do with each other, pip's start being the longest.
    with ThreadPoolExecutor(3) as pool:
        asked = pool.submit(host_sources)
        context, labels = pool.submit(_docker_context), pool.submit(_volatile_labels, settings.root)
    sources = asked.result()
    if sources.left_out:
        note(f"builds do not see indexes that are folders: {', '.join(sources.left_out)}")

    return Builder(
        root=settings.root,
        contents=contents,
        work=settings.state / "render",
        sources=sources,
        builder=context.result(),
        compression=compression,
        substituted_base=substituted_base,
        labels=labels.result(),
    )


def _docker_context() -> str:
    """The Docker context in use, which is the name of the buildx builder of its engine."""
    try:
        return process.run(["docker", "context", "show"]).stdout.strip() or "default"
    except process.ProcessFailed as error:
        raise MachineError(
            "the Docker client does not say which context it uses",
            todo="see what `docker context show` says, and mend that",
            detail=error.completed.tail,
        ) from error


def _volatile_labels(root: Path) -> dict[str, str]:
    """Facts that are on the image and in no key."""
    labels = {CREATED: datetime.now(UTC).isoformat(timespec="seconds")}
    revision = _revision(root)
    if revision:
        labels["org.opencontainers.image.revision"] = revision
    return labels


def _revision(root: Path) -> str | None:
    """The commit of the project, if it is in a git repository with nothing uncommitted, and this
    machine has git."""
    git = process.find_tool("git")
    if git is None:
        return None
    asked = process.run([git, "-C", str(root), "rev-parse", "HEAD"], check=False)
    dirty = process.run([git, "-C", str(root), "status", "--porcelain"], check=False)
    return None if asked.code or dirty.code or dirty.stdout else asked.stdout.strip()
