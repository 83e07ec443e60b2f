"""A small project in memory, of which it is known by construction what each of its images reads.

The knowledge is independent of the factory: nothing here parses a Dockerfile. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import Any

UPSTREAM, RUNTIME = "upstream", "runtime"
"""The owners of Dockerfiles besides images; all images stand on both."""

SHARED = "dockerfiles"
"""The folder of templates, and the context of the factory's own steps."""

IGNORE = ".dockerignore"
LEFT_OUT = frozenset({"__pycache__", ".git"})
RAY = "docker.io/rayproject/ray"
PYTHON = "3.11"
_OLD = 1_700_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A file, a symlink (with ``link``) or an empty folder.

    Attributes:
        mtime: in seconds since 1970.
    """

    text: str = ""
    mode: int = 0o644
    link: str = ""
    folder: bool = False
    mtime: int = _OLD


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Lines of a Dockerfile, and what BuildKit takes in for them.

    Attributes:
        kind: by which changes find what they are about.
        lines: in the last stage.
        stages: what comes before the last stage.
        takes: files and folders, relative to the project's root; ``*`` is within one name.
        names: what it takes from the network, by tag or branch.
        runs: whether it runs anything.
    """

    kind: str
    lines: str
    stages: str = ""
    takes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    runs: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Pinned:
    """What a name on the network stands for: its digest or commit, and what is in it."""

    pin: str
    content: str = ""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A project.

    Attributes:
        mark: in the names of all stages, by which BuildKit's cache of them is found again.
        nodes: path, relative to the root, to what is there; without YAML files and templates.
        matrix: ``matrix.yaml``.
        images: name to ``image.yaml``; parents come first.
        parts: owner to what its Dockerfile is made of.
        pins: name on the network to what it stands for.
        dressing: what templates and YAML files are decorated with, which nothing acts on.
    """

    mark: str
    nodes: Mapping[str, Node]
    matrix: Mapping[str, Any]
    images: Mapping[str, Mapping[str, Any]]
    parts: Mapping[str, tuple[Part, ...]]
    pins: Mapping[str, Pinned]
    dressing: frozenset[str] = field(default=frozenset())

    @property
    def rays(self) -> tuple[str, ...]:
        return tuple(self.matrix["axes"]["ray"])

    @property
    def all_parts(self) -> Iterator[tuple[str, Part]]:
        """Each part with its owner."""
        for owner, parts in self.parts.items():
            yield from ((owner, part) for part in parts)

    def having(self, kind: str) -> list[str]:
        """The owners of a kind of part."""
        return [owner for owner, part in self.all_parts if part.kind == kind]

    def with_node(self, path: str, node: Node) -> Sample:
        """The same with something at a path."""
        return replace(self, nodes={**self.nodes, path: node})

    def without(self, path: str) -> Sample:
        """The same without what is at a path."""
        return replace(self, nodes={name: it for name, it in self.nodes.items() if name != path})

    def with_part(self, owner: str, old: Part, new: Part) -> Sample:
        """The same with another part in the place of one."""
        parts = tuple(new if part is old else part for part in self.parts[owner])
        return replace(self, parts={**self.parts, owner: parts})

    def standing_on(self, owners: Iterable[str], rays: Iterable[str] | None = None) -> set[str]:
        """The ids of all builds that are made from Dockerfiles of these owners."""
        reached, owners = set[str](), set(owners)
        for name, image in self.images.items():  # parents come first
            if owners & {UPSTREAM, RUNTIME, name} or image.get("parent") in reached:
                reached.add(name)
        return {build_id(name, ray) for name in reached for ray in rays or self.rays}

    def readers(self, path: str) -> set[str]:
        """The owners whose Dockerfiles take a path in."""
        if left_out(path):
            return set()
        return {
            owner
            for owner, part in self.all_parts
            if any(_covers(taken, path) for taken in part.takes)
        }

    def reached_by(self, *paths: str) -> set[str]:
        """The ids of all builds that a change at some paths reaches."""
        return self.standing_on({owner for path in paths for owner in self.readers(path)})


Mutated = tuple[Sample, Collection[str]]
"""A project after a change, and the ids of the builds that the change reaches."""


def build_id(image: str, ray: str) -> str:
    """As the factory names builds."""
    return f"{image}:{ray}-py{PYTHON.replace('.', '')}-cpu"


def ray_name(ray: str) -> str:
    """The reference of the base of a cell with this Ray."""
    return f"{RAY}:{ray}-py{PYTHON.replace('.', '')}-cpu"


def folder_of(owner: str) -> str:
    """The folder that an owner's Dockerfile copies from."""
    return SHARED if owner in (UPSTREAM, RUNTIME) else f"images/{owner}"


def left_out(path: str) -> bool:
    """Whether ``.dockerignore``, of which all folders have one with the same rules, or the factory
    itself keeps a path from builds. The rules: ``**/*.tmp``, ``!**/keep.tmp``, ``private``."""
    names = path.split("/")
    inside = names[1:] if names[0] == SHARED else names[2:]
    ignored = names[-1].endswith(".tmp") and names[-1] != "keep.tmp"
    return ignored or inside[:1] == ["private"] or bool(LEFT_OUT & set(names))


def _covers(taken: str, path: str) -> bool:
    """Whether a pattern stands for a path, or for a folder that it is in."""
    wanted, found = taken.split("/"), path.split("/")
    alike = takewhile(lambda pair: fnmatchcase(*pair), zip(found, wanted, strict=False))
    return len(list(alike)) == len(wanted)
