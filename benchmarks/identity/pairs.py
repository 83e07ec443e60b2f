"""A project before and after a change: what keys say, and what BuildKit makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from benchmarks.identity.generate import generate
from benchmarks.identity.mutations import MUTATIONS, Mutation
from benchmarks.identity.oracle import Side, build
from benchmarks.identity.tree import write
from factory.model import Selection
from factory.pipeline import prepare

OFFLINE = frozenset({"repository", "download"})
"""Kinds of parts that need more network than there is."""

BUILDABLE = tuple(one for one in MUTATIONS if not OFFLINE & set(one.wants))


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came of one build in a pair.

    Attributes:
        rebuilt: whether its key is another.
        changed: whether its image is another, times aside.
        moved: whether its image has another digest, with BuildKit's cache as it is.
        staged: whether the factory's own copies make the same image as whole folders.
    """

    rebuilt: bool
    changed: bool
    moved: bool
    staged: bool

    @property
    def missed(self) -> bool:
        """The worst there is: an image that is out of date, and is not built anew."""
        return self.changed and not self.rebuilt

    @property
    def needless(self) -> bool:
        return self.rebuilt and not self.changed


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """What is to be tried: a change of a project that a seed decides."""

    mutation: Mutation
    seed: int
    mark: str

    @property
    def name(self) -> str:
        return f"{self.mutation.name} (seed {self.seed})"


def tried(pair: Pair) -> Mapping[str, Verdict]:
    """Plan and build both, and judge each build that is in both.

    Raises:
        ProcessFailed: BuildKit could not build one of them.
    """
    random = Random(f"{pair.mutation.name} {pair.seed}")  # noqa: S311  # no secret
    wants = pair.mutation.wants
    sample = generate(random, mark=pair.mark, wants=wants, buildable=True)
    after, _ = pair.mutation.how(sample, random)
    with TemporaryDirectory(prefix="identity-") as temporary:
        place = Path(temporary).resolve()
        root = place / "project"
        root.mkdir()
        old = prepare(write(sample, root), Selection())
        new = prepare(write(after, root, over=sample), Selection())
        sides = [
            Side.raw("before", sample, old.plan, place / "before"),
            Side.raw("after", after, new.plan, place / "after"),
            Side.staged("staged", after, new.plan, new.contents, place / "staged"),
        ]
        before, afterwards, staged = build(sides, place)
    keys = [{it.build.id: it.key for it in one.plan.builds} for one in (old, new)]
    return {
        build_id: Verdict(
            rebuilt=keys[0][build_id] != keys[1][build_id],
            changed=before[build_id].content != afterwards[build_id].content,
            moved=before[build_id].digest != afterwards[build_id].digest,
            staged=staged[build_id].content == afterwards[build_id].content,
        )
        for build_id in before.keys() & afterwards.keys()
    }
