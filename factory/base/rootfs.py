"""A Debian root file system as a tar, made once and kept in the cache.

``mmdebstrap`` makes it: it needs no daemon and no root (Linux user namespaces are enough), and
verifies Debian's signatures.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from factory import process
from factory.base.support import RECIPE
from factory.errors import BuildError, MachineError
from factory.model import Rootfs
from factory.text import hide_logins

_SECONDS = 900
_NO_MODE = "unable to pick chroot mode"


def ensure_rootfs(
    rootfs: Rootfs, *, cache: Path, sources: str | None, log: Callable[[str], None]
) -> Path:
    """The folder that holds ``rootfs.tar``, made if it is not there yet.

    Args:
        rootfs: what it should be.
        cache: the factory's cache folder.
        sources: apt's one-line sources for this suite, or ``None`` for Debian's own.
        log: gets mmdebstrap's lines.

    Raises:
        MachineError: ``mmdebstrap`` is missing, or has no way to work without root.
        BuildError: it failed.
    """
    folder = cache / "rootfs" / f"{rootfs.suite}-{rootfs.epoch}-{rootfs.recipe}"
    folder.mkdir(parents=True, exist_ok=True)
    tar = folder / "rootfs.tar"
    with FileLock(folder.with_suffix(".lock")):
        if not tar.exists():
            _make(rootfs, tar, sources, log)
    return folder


def _make(rootfs: Rootfs, tar: Path, sources: str | None, log: Callable[[str], None]) -> None:
    tool = process.find_tool("mmdebstrap")
    if tool is None:
        raise MachineError(
            "mmdebstrap is missing, which makes the Debian system under a base",
            todo="install it (`apt-get install mmdebstrap`), or run `./bootstrap.sh`",
        )
    with tempfile.TemporaryDirectory(dir=tar.parent) as folder:
        half = Path(folder, "rootfs.tar")
        _run(tool, rootfs, half, sources, log)
        half.chmod(0o644)
        half.replace(tar)  # whole or not at all


def _run(
    tool: str, rootfs: Rootfs, tar: Path, sources: str | None, log: Callable[[str], None]
) -> None:
    excludes = [f"--dpkgopt=path-exclude={pattern}" for pattern in RECIPE["exclude"].split()]
    argv = [
        tool,
        "--variant=minbase",
        "--architectures=amd64",
        f"--include={RECIPE['include']}",
        *excludes,
        f"--customize-hook={RECIPE['hook']}",
        rootfs.suite,
        str(tar),
    ]
    try:
        process.run(
            [*argv, "-"] if sources else argv,
            stdin=sources.encode() if sources else None,
            timeout=_SECONDS,
            on_line=lambda line: log(hide_logins(line)),  # apt names mirrors as they are written
        )
    except process.ProcessFailed as error:
        raise _explained(rootfs, error.completed) from error


def _explained(rootfs: Rootfs, failed: process.Completed) -> BuildError | MachineError:
    what = f"mmdebstrap could not make a {rootfs.suite} system"
    detail = [hide_logins(line) for line in failed.tail[-12:]]
    if _NO_MODE in failed.stderr:
        todo = "install uidmap (`apt-get install uidmap`), with which it needs no root"
        return MachineError(what, todo=todo, detail=detail)
    todo = "check that Debian's packages can be reached: `invoke doctor`"
    return BuildError(what, todo=todo, detail=detail)
