"""Cells that have to work together, and the builds that are verified together for it."""

from __future__ import annotations

from dataclasses import dataclass

from factory.model.cell import Build, Cell
from factory.model.record import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Cohort:
    """Cells that the matrix pairs: a head's with one of its workers.

    Attributes:
        name: its key in ``matrix.yaml``.
        where: its place there; of one that is refused, that of what is wrong.
        image: the one that it is about, or ``None`` for every image that is made for both cells.
        pairs: cells of heads and of their workers.
        refused: why it pairs nothing, if it does not; ``todo`` says what to do about it.
        named: of one that is refused, the cells that it names all the same: what was to be
            verified together must not be published because somebody mistyped the other half.
    """

    name: str
    where: str
    image: str | None = None
    pairs: tuple[tuple[Cell, Cell], ...] = ()
    refused: str = ""
    todo: str = ""
    named: tuple[Cell, ...] = ()

    @property
    def subject(self) -> str:
        """What logs and tables call it."""
        return f"cohort {self.name}"

    def names(self, build: Build) -> bool:
        """Whether it is refused and a build is one that it names."""
        return build.cell in self.named and self.image in (None, build.image)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two builds of an image that are verified as one cluster, the head of one and its workers of
    the other.

    Attributes:
        cohort: the name of the cohort that pairs them.
    """

    cohort: str
    head: Build
    workers: Build

    @property
    def id(self) -> str:
        """Such as ``ray-app:2.60.0-py311-gpu+2.60.0-py311-cpu``."""
        return f"{self.head.id}+{self.workers.cell.id}"

    @property
    def builds(self) -> tuple[Build, Build]:
        """The head's and the workers'."""
        return self.head, self.workers

    @property
    def refused(self) -> str:
        """Why the two must not work together, as far as their cells tell; empty if they may."""
        head, workers = self.head.cell, self.workers.cell
        both = (("Ray", head.ray, workers.ray), ("Python", head.python, workers.python))
        return "; ".join(differing(what, one, other) for what, one, other in both if one != other)


def differing(what: str, head: str, workers: str) -> str:
    """That the two halves of a pair have not the same of something."""
    return f"{what} is {head} on the head and {workers} on the workers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Joint:
    """What a build has to have passed together with another one before it may be published.

    Attributes:
        subject: the pair, or a cohort that is refused.
        images: the config digests of the pair's two images as they are now, the head's first.
        verdict: what was found of exactly these two; ``None`` if nothing was.
        why: why there is none.
    """

    subject: str
    images: tuple[str, str] | None = None
    verdict: Verdict | None = None
    why: str = ""
