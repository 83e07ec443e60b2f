"""What is launched: published images, each by its digest, in their roles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from factory.model import Build, Cell

GIB = 1 << 30
SHM_SHARE = 0.3
"""Of a node's memory, for ``/dev/shm``: what Ray takes for its object store where there is room."""

_TOKENS_SINCE = (2, 52)
_DIGITS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Pinned:
    """A published image.

    Attributes:
        build: which one it is of.
        ref: ``repository@digest``, as those who launch it reach the registry.
        tag: its immutable tag, for people.
        packed, unpacked: its bytes in the registry and on a disk; 0 where nobody needs them.
        has_boto3: whether it is known to have AWS's client, which a head on AWS starts nodes with.
    """

    build: Build
    ref: str
    tag: str
    packed: int = 0
    unpacked: int = 0
    has_boto3: bool = False

    @property
    def cell(self) -> Cell:
        return self.build.cell

    @property
    def gpu(self) -> bool:
        return self.cell.device == "gpu"

    @property
    def short(self) -> str:
        """The beginning of its digest."""
        return self.ref.rpartition(":")[2][:_DIGITS]


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """A cluster to write files for.

    Attributes:
        name: of the cluster: letters, digits and dashes.
        head: the head's image.
        workers: those of its workers, one a kind.
        count: how many workers there are of each kind.
        cpus, memory: of each node, where the launcher gives them out: cores, and GiB.
        target: where the images are published, for people.
        apart: why the two kinds of images were not verified together; empty if they were.
    """

    name: str
    head: Pinned
    workers: tuple[Pinned, ...]
    count: int
    cpus: int
    memory: int
    target: str
    apart: str = ""

    @property
    def images(self) -> tuple[Pinned, ...]:
        return tuple(dict.fromkeys((self.head, *self.workers)))

    @property
    def tokens(self) -> bool:
        """Whether this Ray knows token authentication (https://docs.ray.io, token-auth)."""
        return self.head.cell.ray_release >= _TOKENS_SINCE

    @property
    def shm_bytes(self) -> int:
        return int(self.memory * GIB * SHM_SHARE)

    def worker_name(self, worker: Pinned) -> str:
        """What a kind of worker is called: ``worker``, if there is one kind."""
        return "worker" if len(self.workers) == 1 else f"worker-{slug(worker.cell.id)}"


def slug(text: str) -> str:
    """Text as a name that Kubernetes and Compose take: RFC 1123."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and repeats what is the same."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # PyYAML's own signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def written(head: Iterable[str], *documents: Mapping[str, Any]) -> str:
    """Documents as one YAML file, under lines of comment."""
    comment = "".join(f"# {line}".rstrip() + "\n" for line in head)
    bodies = (
        yaml.dump(dict(one), Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
        for one in documents
    )
    return comment + "\n" + "---\n".join(bodies)


def heading(launch: Launch, what: str) -> list[str]:
    """What the first lines of each file say: what it is, and which images are in it."""
    images = (f"  {one.build.id}: {one.tag}" for one in launch.images)
    lines = [what, f"Images, each by the digest that passed, as published at `{launch.target}`:"]
    apart = [f"These were not verified together: {launch.apart}."] if launch.apart else []
    return [*lines, *images, *apart, ""]
