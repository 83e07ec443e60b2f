"""A cohort of small real images, and publishing it: by the factory, and by a shell's loop.

All that it knows of how the factory publishes is in ``Cohort.publish`` and ``Cohort.promote``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import both_phases, tiny
from factory import process
from factory.engine import Engine
from factory.ledger import Ledger
from factory.model import Build, Built, Cell, PlannedBuild, Publication, Target
from factory.publish import Candidate, Promoter, Publisher
from factory.registry import Copier, Registry, digest_of

IMAGE = "ray-app"
LANES = 2
"""How many builds the pipeline publishes at once."""

Known = dict[str, Publication]
"""What a ledger would know, by build id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Bytes of the files in an image's layers, from the base up."""

    base: int
    packages: int
    code: int


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Builds and their images in the engine.

    Attributes:
        folder: for locks.
        builds: each with its image.
    """

    engine: Engine
    folder: Path
    builds: Sequence[tuple[PlannedBuild, Built]]

    @property
    def ledger(self) -> Path:
        """The file in which publishing keeps its journals."""
        return self.folder / "ledger.sqlite"

    @property
    def tags(self) -> int:
        """How many there are at a target."""
        return sum(1 + len(planned.floating) for planned, _ in self.builds)

    def publish(self, host: str, known: Known | None = None) -> Known:
        """As ``invoke publish`` does, with a client and connections of its own."""
        publisher = Publisher(
            engine=self.engine,
            registry=Registry(),
            target=Target(name="staging", registry=f"{host}/staging"),
            locks=self.folder / "locks",
            verdicts_of=lambda _digest: (),
            joints_of=lambda _digest: (),
        )

        def one(pair: tuple[PlannedBuild, Built]) -> Publication:
            planned, built = pair
            before = (known or {}).get(planned.build.id)
            return both_phases.publish(
                publisher, ledger, planned, built, tiny.passed(built), before
            )

        with Ledger.open(self.ledger) as ledger, ThreadPoolExecutor(LANES) as pool:
            return {found.build_id: found for found in pool.map(one, self.builds)}

    def promote(self, host: str, known: Known) -> Copier:
        """As ``invoke promote`` does, within one registry."""
        copier = Copier(Registry())
        promoter = Promoter(
            registry=Registry(),
            copier=copier,
            source=Target(name="staging", registry=f"{host}/staging"),
            target=Target(name="prod", registry=f"{host}/prod"),
            locks=self.folder / "locks",
        )
        candidates = [
            Candidate(
                planned=planned,
                built=built,
                published=known[planned.build.id],
                verdicts=tiny.passed(built),
            )
            for planned, built in self.builds
        ]
        with Ledger.open(self.ledger) as ledger:
            both_phases.promote(promoter, ledger, candidates)
        return copier

    def push_in_a_loop(self, host: str) -> None:
        """As people do it: one image after another, each under each of its tags."""
        for planned, built in self.builds:
            for tag in (planned.immutable, *planned.floating):
                name = f"{host}/staging/{planned.build.image}:{tag}"
                process.run(["docker", "tag", built.image_id, name])
                process.run(["docker", "push", "--quiet", name], timeout=600)

    def forget_names(self, host: str) -> None:
        """Take away the names that the loop has left in the engine."""
        for planned, _ in self.builds:
            for tag in (planned.immutable, *planned.floating):
                self.engine.remove_image(f"{host}/staging/{planned.build.image}:{tag}")

    def layer_bytes(self, host: str, known: Known, at: int) -> int:
        """What the layers at one position take, compressed, each distinct one once; -1 is the last.
        ``config_bytes`` has the configurations."""
        layers = {layer["digest"]: layer["size"] for layer in self._named(host, known, at)}
        return sum(layers.values())

    def config_bytes(self, host: str, known: Known) -> int:
        """What the configurations take."""
        return sum(one["config"]["size"] for one in self._manifests(host, known))

    def _named(self, host: str, known: Known, at: int) -> Iterator[dict[str, Any]]:
        for manifest in self._manifests(host, known):
            yield manifest["layers"][at]

    def _manifests(self, host: str, known: Known) -> Iterator[dict[str, Any]]:
        client = Registry()
        for one in known.values():
            repository = f"{host}/staging/{IMAGE}"
            yield json.loads(client.require(repository, one.manifest_digest).content)


@contextmanager
def cohort(
    engine: Engine, folder: Path, *, builds: int, mark: str, code: str, sizes: Sizes
) -> Iterator[Cohort]:
    """So many builds of one image, and their removal from the engine.

    Args:
        mark: what no other cohort has.
        code: what the application's layer follows from, beside the build.
    """
    base = tiny.Layer(seed=f"{mark} base", size=sizes.base)
    packages = tiny.Layer(seed=f"{mark} packages", size=sizes.packages)
    planned = [_planned(number, f"{mark} {code}") for number in range(builds)]
    wanted = [
        tiny.Tiny(
            ref=f"factory.invalid/cohort-{mark}:{one.key[:12]}",
            key=one.key,
            layers=(
                base,
                packages,
                tiny.Layer(seed=f"{mark} {code} {one.build.id}", size=sizes.code),
            ),
        )
        for one in planned
    ]
    made = tiny.load(engine, folder, wanted)
    try:
        pairs = [(one, made[image.ref]) for one, image in zip(planned, wanted, strict=True)]
        yield Cohort(engine=engine, folder=folder, builds=pairs)
    finally:
        for ref in made:
            engine.remove_image(ref)


def _planned(number: int, code: str) -> PlannedBuild:
    cell = Cell(python="3.11", ray="2.60.0", device="cpu", extra=(("site", f"s{number:03}"),))
    key = digest_of(f"{code} {number}".encode()).removeprefix("sha256:")
    return PlannedBuild(
        build=Build(image=IMAGE, cell=cell),
        steps=(key,),
        immutable=f"{cell.id}-{key[:12]}",
        floating=(cell.id, "latest") if number == 0 else (cell.id,),
    )
