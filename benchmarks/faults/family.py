"""A family of two tiny images, in versions, and how it is published: what proofs stand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import tiny
from benchmarks.faults import vouched
from factory.engine import Engine
from factory.ledger import Ledger
from factory.model import (
    Build,
    Built,
    Cell,
    Group,
    Plan,
    PlannedBuild,
    Target,
    Verdict,
    step_ref,
)
from factory.publishing import Publishing
from factory.registry import Registry
from factory.settings import Settings

CELLS = tuple(Cell(python="3.11", ray="2.60.0", device=device) for device in ("cpu", "gpu"))
GROUP = "gpu-head"


@dataclass(frozen=True, kw_only=True)
class Version:
    """Both images of one version: built, and passed."""

    name: str
    letter: str
    built: tuple[Built, ...]

    @property
    def planned(self) -> tuple[PlannedBuild, ...]:
        """Their builds; one of the two is also `latest`."""
        key = self.letter * 64
        return tuple(
            PlannedBuild(
                build=Build(image=self.name, cell=cell),
                steps=(key,),
                immutable=f"{cell.id}-{key[:12]}",
                floating=(cell.id, "latest") if cell.device == "cpu" else (cell.id,),
            )
            for cell in CELLS
        )

    @property
    def plan(self) -> Plan:
        """Both move together."""
        builds = self.planned
        group = Group(name=GROUP, builds=tuple(one.build for one in builds))
        return Plan(steps=vouched.steps_of(builds), builds=builds, groups=(group,))

    @property
    def images(self) -> dict[Build, Built]:
        """Each build's."""
        return {one.build: it for one, it in zip(self.planned, self.built, strict=True)}


def build(name: str, letter: str, folder: Path) -> Version:
    """Build both images of a version, a file of some bytes each."""
    folder.mkdir(parents=True, exist_ok=True)
    return Version(
        name=name, letter=letter, built=tuple(_built(name, letter, cell, folder) for cell in CELLS)
    )


def remove(engine: Engine, versions: tuple[Version, ...]) -> None:
    """Take the images away again, with the names by which they were being pushed when that was
    killed."""
    for built in (one for version in versions for one in version.built):
        image = engine.image(built.image_id)
        for name in image.tags if image else ():
            engine.remove_image(name)
        engine.remove_image(built.image_id)


def publishing(version: Version, **how: Any) -> Publishing:
    """What publishes a version, as a run does it; see ``shop``."""
    return shop(version.plan, version.images, **how)


def shop(
    plan: Plan,
    images: Mapping[Build, Built],
    *,
    engine: Engine,
    registry: Registry,
    ledger: Ledger,
    target: Target,
    locks: Path,
    run_id: str,
    evidence: Settings | None = None,
) -> Publishing:
    """What publishes builds that passed, as a run does it.

    Args:
        evidence: in whose folders it is remembered what was attached; nothing is, without.
    """

    def verdicts(planned: PlannedBuild, digest: str) -> tuple[Verdict, ...]:
        return _passed(images[planned.build], digest)

    def built(planned: PlannedBuild) -> Built:
        return images[planned.build]

    return Publishing(
        targets=(target,),
        plan=plan,
        beside=Plan(steps={}, builds=()),
        ledger=ledger,
        engine=engine,
        locks=locks,
        run_id=run_id,
        registry=lambda: registry,
        ensure=lambda _: None,
        built=lambda planned, _: built(planned),
        verdicts=lambda planned, digest, _: verdicts(planned, digest),
        joints=lambda _planned, _digest: (),
        evidence=vouched.attester(evidence, plan, registry, built, verdicts) if evidence else None,
    )


def publish(shop: Publishing) -> None:
    """Both phases, as a run does them."""
    for planned in shop.plan.builds:
        for target in shop.targets:
            shop.push(planned, target, lambda _: None)
    for group in shop.plan.groups:
        shop.move(group, lambda _: None)


def written(version: Version) -> dict[str, Any]:
    """As JSON, for another process."""
    return {
        "name": version.name,
        "letter": version.letter,
        "built": [{name: getattr(one, name) for name in _FIELDS} for one in version.built],
    }


def read(document: Mapping[str, Any]) -> Version:
    """What ``written`` wrote."""
    built = tuple(Built(**one) for one in document["built"])
    return Version(name=document["name"], letter=document["letter"], built=built)


_FIELDS = ("key", "ref", "image_id", "config_digest", "substituted_base", "reason", "at", "seconds")


def _built(name: str, letter: str, cell: Cell, folder: Path) -> Built:
    key = letter * 64
    (folder / "file").write_text(f"{name} {letter} {cell.id}")
    return tiny.build(folder, ref=step_ref(f"{name}-{cell.device}", key), key=key)


def _passed(built: Built, digest: str) -> tuple[Verdict, ...]:
    """Both gates, for what was built, and nothing for any other image."""
    return tiny.passed(built) if digest == built.config_digest else ()
