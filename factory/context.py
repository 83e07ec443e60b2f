"""What is in the files that a build reads: contained, and hashed.

The digest of a folder covers every name, mode, content and symlink target in it, and nothing that
BuildKit ignores (times, owners). Compiled Python and version control are left out of both the
digest and the build, by the one list below.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from factory.errors import ConfigError

LEFT_OUT = ("__pycache__", ".git", ".DS_Store", ".mypy_cache", ".pytest_cache", ".ruff_cache")
_BLOCK = 1 << 20


def digest_path(root: Path, relative: str, *, where: str) -> str:
    """SHA-256, in hex, of a file or a folder inside the project.

    Args:
        root: the project's root, with symlinks resolved.
        relative: the path below it.
        where: who asks for it, for messages.

    Raises:
        ConfigError: it is missing, unreadable, a symlink, a special file, or its real path leaves
            the project.
    """
    path = contained(root, relative, where=where)
    if path.is_symlink():  # a digest of the link would miss changes of what it leads to
        raise ConfigError(
            f"{relative} is a symlink", where=where, todo="name what it leads to, or copy it here"
        )
    digest = hashlib.sha256()
    try:
        for entry in _walk(path):
            _add(digest, root, path, entry, where)
    except OSError as error:
        raise _unreadable(error, where) from error
    return digest.hexdigest()


def stage(root: Path, context: str, paths: Sequence[str], target: Path) -> Path:
    """Copy what a build reads into a private folder, where nobody edits it meanwhile.

    Args:
        root: the project's root.
        context: a folder below it.
        paths: files and folders in the context.
        target: an empty folder, which gets the same layout.

    Returns:
        The context's copy.
    """
    for path in paths:
        source, copy = root / context / path, target / context / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        else:
            shutil.copy2(source, copy)
    return target / context


def contained(root: Path, relative: str, *, where: str) -> Path:
    """The path, once it is sure that it exists and that its real path is inside the project.

    Raises:
        ConfigError: it does not, or is not.
    """
    path = root / relative
    try:
        real = path.resolve(strict=True)
    except PermissionError as error:
        raise _unreadable(error, where) from error
    except (OSError, RuntimeError):  # the latter is a circle of symlinks
        raise ConfigError(
            f"there is no {relative}", where=where, todo="create it, or mend the path"
        ) from None
    if not real.is_relative_to(root):
        raise ConfigError(
            f"{relative} leads outside the project",
            where=where,
            todo="copy what is needed into the project; builds read nothing beyond it",
        )
    return path


def _unreadable(error: OSError, where: str) -> ConfigError:
    return ConfigError(
        f"cannot read {error.filename}: {error.strerror}",
        where=where,
        todo="give this user the right to read it, or take it out of the folder",
    )


def _stays(root: Path, link: Path) -> bool:
    try:
        return link.resolve().is_relative_to(root)
    except RuntimeError:  # a circle of symlinks
        return False


def _walk(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        for child in sorted(path.iterdir(), key=lambda entry: os.fsencode(entry.name)):
            if child.name not in LEFT_OUT:
                yield from _walk(child)


def _add(digest: hashlib._Hash, root: Path, top: Path, entry: Path, where: str) -> None:
    info = entry.lstat()
    name = os.fsencode(entry.relative_to(top))
    digest.update(b"%d:%s:%o:" % (len(name), name, info.st_mode))
    if stat.S_ISLNK(info.st_mode):
        target = os.fsencode(entry.readlink())
        if not _stays(root, entry):
            raise ConfigError(
                f"the symlink {entry.relative_to(root)} leaves the project, or leads to itself",
                where=where,
                todo="copy what it points to into the project",
            )
        digest.update(b"%d:%s" % (len(target), target))
    elif stat.S_ISREG(info.st_mode):
        digest.update(b"%d:" % info.st_size)
        with entry.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    elif not stat.S_ISDIR(info.st_mode):
        raise ConfigError(
            f"{entry.relative_to(root)} is neither a file, a folder nor a symlink",
            where=where,
            todo="take it out of the folder",
        )
