"""How the files of two images differ, as the layers tell it that one has above the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class FileCounts:
    """How many files differ, and by how much. Links, devices and empty folders count as files.

    Attributes:
        added, changed, deleted: how many.
        attributes: those, and folders, of which nothing but mode or owner differs.
        new_bytes: of what was added or changed, or has another mode or owner, as it is now.
        old_bytes: of what was deleted or changed, or had another mode or owner, as it was.
    """

    added: int = 0
    changed: int = 0
    deleted: int = 0
    attributes: int = 0
    new_bytes: int = 0
    old_bytes: int = 0

    def __add__(self, other: FileCounts) -> FileCounts:
        return FileCounts(
            added=self.added + other.added,
            changed=self.changed + other.changed,
            deleted=self.deleted + other.deleted,
            attributes=self.attributes + other.attributes,
            new_bytes=self.new_bytes + other.new_bytes,
            old_bytes=self.old_bytes + other.old_bytes,
        )

    def __sub__(self, other: FileCounts) -> FileCounts:
        return FileCounts(
            added=self.added - other.added,
            changed=self.changed - other.changed,
            deleted=self.deleted - other.deleted,
            attributes=self.attributes - other.attributes,
            new_bytes=self.new_bytes - other.new_bytes,
            old_bytes=self.old_bytes - other.old_bytes,
        )

    @property
    def files(self) -> int:
        """How many differ in any way."""
        return self.added + self.changed + self.deleted + self.attributes


@dataclass(frozen=True, kw_only=True, slots=True)
class FileLine:
    """A file that differs, or all that differ in a folder.

    Attributes:
        path: safe to show; a folder's ends in a slash.
        rest: whether those of this folder that have a line of their own do not count here.
    """

    path: str
    counts: FileCounts
    rest: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NotedFile:
    """A file that somebody should look at.

    Attributes:
        path: safe to show.
        why: such as ``credentials of AWS``.
        size: in bytes.
        hidden: whether a later layer took it away, so that no container shows it, though everybody
            who has the image has it.
    """

    path: str
    why: str
    size: int
    hidden: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FileDifference:
    """How the files of an image differ from those of the layers that it shares with another one.
    Nothing that differs is left out of the lines: where there are more than fit, folders stand for
    what is in them.

    Attributes:
        on_own: whether those are all layers of the other one.
        shared, layers: how many they are, and how many are above them.
        total: all that differ, noise included.
        lines: where they are, the most first, without noise.
        noise: what tools leave behind to what there is of it.
        noted: what somebody should look at, and ``noted_beyond``, how many more.
        odd: entries of layers whose names no file can have.
        beyond: entries of layers that were not looked at, because there were too many.
        unread: why a layer could not be read to its end.
    """

    on_own: bool
    shared: int
    layers: int
    total: FileCounts
    lines: tuple[FileLine, ...] = ()
    noise: Mapping[str, FileCounts] = field(default_factory=dict)
    noted: tuple[NotedFile, ...] = ()
    noted_beyond: int = 0
    odd: int = 0
    beyond: int = 0
    unread: tuple[str, ...] = ()
