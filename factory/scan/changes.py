"""What layers do to the files of an image, told in a bounded number of lines. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from factory.model import FileCounts, FileDifference, FileLine, NotedFile
from factory.scan.telling import forgotten, noise, privilege
from factory.scan.tree import UNNAMED, Entry, Kind, Node, Tree, parts
from factory.text import one_line, shorten

MOST_LINES = 30
MOST_NOTED = 50

_WIDEST = 400
"""Characters of a path that is shown."""

_BLOCK = 4096
"""Bytes that a file weighs beyond its own, so that many small ones go before one of a kilobyte."""

_NOTHING = FileCounts()


class Sheet:
    """What is found in the layers of an image, which come from the lowest on: first all those that
    it shares with the other one, then those above."""

    def __init__(self, tree: Tree | None = None) -> None:
        self._tree = tree or Tree()
        self._layers = {False: 0, True: 0}
        self._noted: dict[tuple[str, ...], tuple[str, int]] = {}
        self._noted_beyond = 0
        self._unread: list[str] = []

    def layer(self, entries: Iterable[tuple[str, Entry]], *, shared: bool) -> None:
        """Take a layer: the names of what is in it, in whatever order, and what that is."""
        if not shared and not self._layers[False]:
            self._tree.settle()
        self._layers[shared] += 1
        try:
            for name, entry in entries:
                node = self._tree.take(name, entry)
                if not shared and entry.kind is not Kind.FOLDER:
                    self._look(name, entry, node)
        finally:
            self._tree.next_layer()

    def unread(self, why: str) -> None:
        """Note that the layer taken last was not read to its end."""
        self._unread.append(shorten(one_line(why), _WIDEST))

    def difference(self, *, on_own: bool) -> FileDifference:
        """All that was found.

        Args:
            on_own: whether all layers of the other image were shared.
        """
        if not self._layers[False]:
            self._tree.settle()
        counts, left = _counts(self._tree.resolved())
        lines = _lines(self._tree.root, counts)
        total = sum(left.values(), counts.get(self._tree.root, _NOTHING))
        return FileDifference(
            on_own=on_own,
            shared=self._layers[True],
            layers=self._layers[False],
            total=total,
            lines=lines,
            noise=dict(sorted(left.items())),
            noted=tuple(self._note(*one) for one in self._noted.items()),
            noted_beyond=self._noted_beyond,
            odd=self._tree.odd,
            beyond=self._tree.beyond,
            unread=tuple(self._unread),
        )

    def _look(self, name: str, entry: Entry, node: Node | None) -> None:
        """Note a file that somebody should look at, also where there is no room for it in the tree:
        but what takes something away is no file."""
        path = parts(name)
        if not path or path[-1].startswith(".wh."):
            return
        why = forgotten(path) or privilege(path, entry, node.before if node else None)
        if why and (path in self._noted or len(self._noted) < MOST_NOTED):
            self._noted[path] = (why, entry.size)
        elif why:
            self._noted_beyond += 1
        else:
            self._noted.pop(path, None)  # it was a privilege, and is none any more

    def _note(self, path: tuple[str, ...], found: tuple[str, int]) -> NotedFile:
        node = self._tree.find(path)
        hidden = node is not None and node.now is None
        return NotedFile(path=_shown(path), why=found[0], size=found[1], hidden=hidden)


def _counts(nodes: list[Node]) -> tuple[dict[Node, FileCounts], dict[str, FileCounts]]:
    """What differs at or below each path, but for noise; and noise, by what it is.

    Args:
        nodes: folders before what is in them.
    """
    found: dict[Node, FileCounts] = {}
    left: dict[str, FileCounts] = {}
    for node in reversed(nodes):
        change = _change(node)
        if change:
            label = noise(node.parts) if node.parent else ""
            if label:
                left[label] = left.get(label, _NOTHING) + change
            else:
                found[node] = found.get(node, _NOTHING) + change
        if node in found and node.parent:
            found[node.parent] = found.get(node.parent, _NOTHING) + found[node]
    return found, left


def _change(node: Node) -> FileCounts | None:
    """How a path itself differs; a folder that is not empty tells nothing by being there."""
    before, now = node.before, node.now
    if before is now:  # no layer touched it
        return None
    if before is None:
        assert now
        filled = now.kind is Kind.FOLDER and any(child.now for child in node.inside)
        return None if filled else FileCounts(added=1, new_bytes=now.size)
    if now is None:
        filled = before.kind is Kind.FOLDER and any(child.before for child in node.inside)
        return None if filled else FileCounts(deleted=1, old_bytes=before.size)
    sizes = FileCounts(new_bytes=now.size, old_bytes=before.size)
    attributes = (before.mode, before.uid, before.gid) != (now.mode, now.uid, now.gid)
    if before.kind is now.kind is Kind.FOLDER:
        said = UNNAMED not in (before, now)
        return FileCounts(attributes=1) if attributes and said else None
    if attributes and _content(before) == _content(now):
        return sizes + FileCounts(attributes=1)
    return sizes + FileCounts(changed=1)


def _content(entry: Entry) -> tuple[object, ...]:
    """What tells whether a file was written to, as far as a layer's list tells it."""
    return entry.kind, entry.size, entry.time, entry.target


def _lines(root: Node, counts: dict[Node, FileCounts]) -> tuple[FileLine, ...]:
    """Where files differ, in so many lines, that together are all: the folder with most is taken
    apart first, until there are enough; one that is all new, or all gone, is not, unless all is."""
    lines: dict[Node, FileCounts] = {}
    split: set[Node] = set()
    strange = not any(child.before for child in root.inside)
    waiting = [_heaviest(root, counts[root])] if root in counts else []
    while waiting:
        _, _, node = heapq.heappop(waiting)
        parent = node.parent
        rest = lines[parent] - counts[node] if parent else _NOTHING
        if rest != _NOTHING and len(lines) >= MOST_LINES:
            continue
        if parent:
            lines[parent] = rest
            split.add(parent)
        if parent and rest == _NOTHING:
            del lines[parent]
        lines[node] = counts[node]
        inside = [child for child in node.inside if child in counts]
        alone = len(inside) == 1 and counts[inside[0]] == counts[node]
        if strange or alone or (node.before is not None and node.now is not None):
            for child in inside:
                heapq.heappush(waiting, _heaviest(child, counts[child]))
    ordered = sorted(_heaviest(*line) for line in lines.items())
    return tuple(
        FileLine(path=_path(node), counts=lines[node], rest=node in split) for _, _, node in ordered
    )


def _heaviest(node: Node, counts: FileCounts) -> tuple[int, tuple[str, ...], Node]:
    """What orders paths by how much differs there; no two have the same names."""
    weight = counts.new_bytes + counts.old_bytes + counts.files * _BLOCK
    return -weight, node.parts, node


def _path(node: Node) -> str:
    there = node.now or node.before
    folder = (there is not None and there.kind is Kind.FOLDER) or bool(node.children)
    return _shown(node.parts) + ("/" if folder and node.parent else "")


def _shown(path: Iterable[str]) -> str:
    return shorten(one_line("/" + "/".join(path)), _WIDEST)
