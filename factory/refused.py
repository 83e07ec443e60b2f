"""What of a project builds may not read, in words; and the two checks that it stays inside."""

from __future__ import annotations

import os
from pathlib import Path

from factory.errors import ConfigError

IGNORE_FILE = ".dockerignore"


def contained(root: Path, relative: str, *, where: str) -> Path:
    """The path, once it is sure that it exists and that its real path is inside the project.

    Raises:
        ConfigError: it does not, or is not.
    """
    path = root / relative
    try:
        real = path.resolve(strict=True)
    except PermissionError as error:
        raise unreadable(error, root, where) from error
    except (OSError, RuntimeError):  # the latter is a circle of symlinks
        raise ConfigError(
            f"there is no {shown(relative)}", where=where, todo="create it, or mend the path"
        ) from None
    if not real.is_relative_to(root):
        raise ConfigError(
            f"{shown(relative)} leads outside the project",
            where=where,
            todo="copy what is needed into the project; builds read nothing beyond it",
        )
    return path


def link_target(path: Path, root: Path, *, where: str) -> bytes:
    """Where a symlink points, as it is written, once it is sure that it stays inside the project.

    Raises:
        ConfigError: it leaves the project, or leads to nothing or to itself.
        OSError: it is no symlink, or cannot be read.
    """
    target = path.readlink()
    what = None
    try:
        what = None if path.resolve(strict=True).is_relative_to(root) else "leaves the project"
    except FileNotFoundError:
        inside = path.resolve().is_relative_to(root)
        what = "leads to nothing" if inside else "leaves the project"
    except PermissionError as error:
        raise unreadable(error, root, where) from error
    except (OSError, RuntimeError):
        what = "leads to itself"
    if what:
        raise ConfigError(
            f"the symlink {shown(path.relative_to(root))} {what}",
            where=where,
            todo="copy what it should lead to into the project, or take it away",
        )
    return os.fsencode(target)


def nothing(folder: str, path: str, where: str, *, left_out: bool) -> ConfigError:
    """A path or pattern stands for no file."""
    place = shown(path if folder == "." else folder if path == "." else f"{folder}/{path}")
    if left_out:
        ignore = IGNORE_FILE if folder == "." else f"{shown(folder)}/{IGNORE_FILE}"
        return ConfigError(
            f"{place} is left out by {ignore}",
            where=where,
            todo="bring it back there with a line that begins with `!`",
        )
    return ConfigError(
        f"nothing matches {place}", where=where, todo="create it, or mend the pattern"
    )


def symlink(path: str, where: str) -> ConfigError:
    """A build would read a symlink itself: a digest of it misses changes of what it leads to."""
    return ConfigError(
        f"{shown(path)} is a symlink",
        where=where,
        todo="name what it leads to, or copy it here",
    )


def special(path: str, where: str) -> ConfigError:
    """A pipe, a socket or a device."""
    return ConfigError(
        f"{shown(path)} is neither a file, a folder nor a symlink",
        where=where,
        todo=f"take it out of the folder, or name it in {IGNORE_FILE}",
    )


def changed(path: str, where: str) -> ConfigError:
    """A file would not stay as it is for as long as reading it takes."""
    return ConfigError(
        f"{shown(path)} changed while it was read",
        where=where,
        todo="run the command again once nothing writes to it",
    )


def unreadable(error: OSError, root: Path, where: str) -> ConfigError:
    """The operating system refused."""
    path = os.fsdecode(error.filename or "")
    return ConfigError(
        f"cannot read {shown(os.path.relpath(path, root)) if path else 'it'}: {error.strerror}",
        where=where,
        todo=f"let this user read it, or name it in {IGNORE_FILE}",
    )


def not_utf8(path: str, where: str) -> ConfigError:
    """A text that the engine would not read either."""
    return ConfigError(f"{shown(path)} is not UTF-8", where=where, todo="save it as UTF-8")


def shown(path: str | Path) -> str:
    """A path with names that are no UTF-8, or have line ends in them, made readable."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
