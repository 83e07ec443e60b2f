"""What the user wrote: the matrix and the images, validated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from factory.model.base import Base, Device
from factory.model.cell import Build, Cell, Excluded, matches
from factory.model.cohort import Cohort, Pair
from factory.model.coldstart import Budget
from factory.model.evidence import Signing
from factory.model.image import NEEDS, Contract, Image
from factory.model.policy import ScanPolicy
from factory.model.target import Target

_EXTRAS = re.compile(r"ray\s*\[([^\]]*)\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """``matrix.yaml``, validated and spanned.

    Attributes:
        cells: in the order of the axes, included ones last.
        excluded: with reasons.
        latest: the cell that ``latest`` names, or ``None``.
        base: where the base comes from.
        devices: what each device is, by its name.
        runtime_apt: Debian packages that every image gets.
        targets: where to publish.
        scan: the scan gate's policy.
        workers: how many workers ``verify`` boots beside the head.
        suite: how much it asks: ``contract``, ``quick`` or ``full``.
        cohorts: which cells are verified together too.
        cold_start: what a worker may take to start, where that is asked.
        evidence: how what is said of images is signed, and whose word counts.
        together: whose floating tags move together: ``cohorts``, ``images`` or ``all``.
    """

    cells: tuple[Cell, ...]
    excluded: tuple[Excluded, ...]
    latest: Cell | None
    base: Base
    devices: Mapping[str, Device]
    runtime_apt: tuple[str, ...]
    targets: tuple[Target, ...]
    scan: ScanPolicy
    workers: int
    suite: str = "quick"
    cohorts: tuple[Cohort, ...] = ()
    cold_start: Budget = field(default_factory=Budget)
    evidence: Signing = field(default_factory=Signing)
    together: str = "cohorts"

    @property
    def release_targets(self) -> tuple[Target, ...]:
        """Where what passed is published at once: to the others it is promoted."""
        return tuple(target for target in self.targets if not target.promote_only)

    def scan_policy(self, build: Build | None, target: Target | None = None) -> ScanPolicy:
        """What the scan gate holds the image of a build to, everywhere or at a target."""
        return ((target and target.scan) or self.scan).of(build)


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """All that a user wrote, read and validated: the input of planning.

    Attributes:
        matrix: the cells and the rest of ``matrix.yaml``.
        images: by name, in order.
        templates: file name to text, of ``dockerfiles/``.
        requirements: the lines of images' requirements files, by path relative to the root.
        locks: what each lock file says was asked for, by its path.
        locked: what each of them says of versions, by name.
        lock_contents: a digest of what is installed by each.
        bases: the committed pins of images: name to digest.
        wheel: a digest of what a Ray wheel of the user's own depends on; empty without one.
    """

    matrix: Matrix
    images: Mapping[str, Image]
    templates: Mapping[str, str]
    requirements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    locks: Mapping[str, str] = field(default_factory=dict)
    locked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lock_contents: Mapping[str, str] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)
    wheel: str = ""

    def lineage(self, name: str) -> tuple[Image, ...]:
        """An image and all that it stands on, the root first."""
        chain = [self.images[name]]
        while parent := chain[-1].parent:
            chain.append(self.images[parent])
        return tuple(reversed(chain))

    def asks_for(self, image: Image, cell: Cell, package: str) -> bool:
        """Whether the requirements of an image in a cell name a package (in lower case)."""
        file = image.for_cell(cell).requirements
        lines = self.requirements.get(f"{image.folder}/{file}", ())
        return any(re.split(r"[^a-z0-9._-]", line.strip().lower())[0] == package for line in lines)

    def needs(self, name: str, cell: Cell) -> tuple[str, ...]:
        """What of Ray's an image relies on in a cell: by its own word or a parent's, or by an extra
        of Ray's that a requirements file or a base that is made from packages names."""
        extras = set(self.matrix.base.extras) if self.matrix.base.substituted else set()
        for image in self.lineage(name):
            file = f"{image.folder}/{image.for_cell(cell).requirements}"
            extras |= {*image.needs, *extras_of_ray(self.requirements.get(file, ()))}
        return tuple(need for need in NEEDS if extras & {need, "all"})

    def contract(self, name: str) -> Contract:
        """What an image and all that it stands on promise."""
        found = Contract()
        for image in self.lineage(name):
            found = image.contract.over(found)
        return found

    def made_for(self, name: str, cell: Cell) -> bool:
        """Whether an image and all that it stands on are made for a cell."""
        return all(matches(image.where, cell) for image in self.lineage(name))

    @property
    def builds(self) -> tuple[Build, ...]:
        """Image × cell, in order: all that there are."""
        return tuple(
            Build(image=image, cell=cell)
            for image in self.images
            for cell in self.matrix.cells
            if self.made_for(image, cell)
        )

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The builds that cohorts pair. What two cohorts pair is one pair, of the first."""
        found: dict[str, Pair] = {}
        for cohort in self.matrix.cohorts:
            for image in self.images if cohort.image is None else (cohort.image,):
                for head, workers in cohort.pairs:
                    if self.made_for(image, head) and self.made_for(image, workers):
                        pair = Pair(
                            cohort=cohort.name,
                            head=Build(image=image, cell=head),
                            workers=Build(image=image, cell=workers),
                        )
                        found.setdefault(pair.id, pair)
        return tuple(found.values())

    @property
    def refused_cohorts(self) -> tuple[Cohort, ...]:
        """Those that pair nothing."""
        return tuple(cohort for cohort in self.matrix.cohorts if cohort.refused)


def extras_of_ray(lines: Iterable[str]) -> set[str]:
    """The extras that requirements name: ``serve`` of ``ray[serve]==2.60.0``."""
    named = (_EXTRAS.match(line.strip().lower()) for line in lines)
    return {extra.strip() for found in named if found for extra in found[1].split(",")}
