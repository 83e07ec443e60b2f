"""A file system as layers make it, one above the other. Pure.

Who made the layers is not trusted: what is kept of them is bounded, and a layer may say anything at
any length without costing more than its entries.

https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

MOST = 400_000
"""How many files and folders are kept, of half a kilobyte each: of most images, all."""

_LONGEST_PATH, _LONGEST_NAME = 4096, 255
"""In characters: no file system of Linux takes more."""

_WHITEOUT, _OPAQUE, _RESERVED = ".wh.", ".wh..wh..opq", ".wh..wh."


class Kind(StrEnum):
    """What an entry of a layer is."""

    FILE = "file"
    FOLDER = "folder"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    DEVICE = "device"
    OTHER = "other"


class Entry(NamedTuple):
    """What a layer says of a path.

    Attributes:
        size: in bytes.
        time: when it was changed, in whole seconds: some layers tell no more.
        mode: its twelve bits.
        target: of a link, a hash of what it leads to: a whole one might be long.
        capable: whether it has capabilities that who starts it has not.
    """

    kind: Kind
    size: int = 0
    time: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    target: int = 0
    capable: bool = False


UNNAMED = Entry(kind=Kind.FOLDER, mode=-1)
"""A folder that is there because something is in it: no layer says anything of it."""


class Node:
    """A path, and what layers made of it.

    Attributes:
        children: by name; ``None`` until there are some.
        before, now: what was there once the tree was settled, and what is there by now.
        layer: which one put it there.
        cut: what layers below this one put here, or below here, is gone.
        clear: what layers below this one put below here is gone.
    """

    __slots__ = ("before", "children", "clear", "cut", "layer", "name", "now", "parent")

    def __init__(self, name: str, parent: Node | None) -> None:
        self.name = name
        self.parent = parent
        self.children: dict[str, Node] | None = None
        self.before: Entry | None = None
        self.now: Entry | None = None
        self.layer = self.cut = self.clear = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """The names on the way to it."""
        names, node = [], self
        while node.parent is not None:
            names.append(node.name)
            node = node.parent
        return tuple(reversed(names))

    @property
    def inside(self) -> Iterable[Node]:
        """Its children, if there are any."""
        return self.children.values() if self.children else ()


class Tree:
    """What layers, taken from the lowest on, leave of each other.

    Attributes:
        odd: how many entries had names that no file can have: they would lead out, or are too long.
        beyond: how many entries came when there was no room for them any more.
    """

    def __init__(self, most: int = MOST) -> None:
        self.root = Node("", None)
        self.root.before = self.root.now = UNNAMED
        self.odd = self.beyond = 0
        self._room = most
        self._layer = 1

    def take(self, name: str, entry: Entry) -> Node | None:
        """Take an entry of the layer that it is at, in any order within that; returns where it is,
        unless it only takes something away or is not kept."""
        path = parts(name)
        if path is None:
            self.odd += 1
            return None
        last = path[-1] if path else ""
        if not last.startswith(_WHITEOUT):
            return self._put(path, entry) if path else None
        if last == _OPAQUE:
            self._clear(self.find(path[:-1]))
        elif last in (_WHITEOUT, ".wh..", ".wh..."):  # it takes away nothing that has a name
            self.odd += 1
        elif not last.startswith(_RESERVED):
            self._cut(self.find((*path[:-1], last.removeprefix(_WHITEOUT))))
        return None

    def next_layer(self) -> None:
        """Go on to the layer above."""
        self._layer += 1

    def settle(self) -> None:
        """What is there now is what was there before all that comes."""
        for node in self.resolved():
            node.before = node.now
            node.layer = node.cut = node.clear = 0

    def resolved(self) -> list[Node]:
        """All paths that any layer named, folders before what is in them, each with what is there
        now: nothing, of much."""
        order: list[Node] = []
        stack = [(self.root, 0)]
        while stack:  # a path has two thousand folders at most: too many to recurse
            node, cut = stack.pop()
            cut = max(cut, node.cut)
            if node.layer < cut:
                node.now = None
            order.append(node)
            below = max(cut, node.clear)
            stack.extend((child, below) for child in node.inside)
        for node in reversed(order):
            if node.now is None and any(child.now is not None for child in node.inside):
                node.now = UNNAMED
        return order

    def find(self, path: Iterable[str]) -> Node | None:
        """What is kept of a path, if anything is."""
        node: Node | None = self.root
        for name in path:
            node = node.children.get(name) if node and node.children else None
        return node

    def _put(self, path: Iterable[str], entry: Entry) -> Node | None:
        node = self.root
        for name in path:
            if node.children is None:
                node.children = {}
            if name not in node.children:
                if not self._room:
                    self.beyond += 1
                    return None
                self._room -= 1
                node.children[name] = Node(name, node)
            node = node.children[name]
        node.now, node.layer = entry, self._layer
        if entry.kind is not Kind.FOLDER:
            self._clear(node)
        return node

    def _cut(self, node: Node | None) -> None:
        if node:
            node.cut = self._layer

    def _clear(self, node: Node | None) -> None:
        if node:
            node.clear = self._layer


def parts(name: str) -> tuple[str, ...] | None:
    """The names that a path in a layer is made of, wherever that says it begins; ``None`` for one
    that no file can have."""
    if len(name) > _LONGEST_PATH or "\0" in name:
        return None
    found = tuple(part for part in name.split("/") if part not in ("", "."))
    odd = any(part == ".." or len(part) > _LONGEST_NAME for part in found)
    return None if odd else found
