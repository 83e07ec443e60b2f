"""A project with two targets, at registries of a test's own, between which images are promoted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.distribution import distribution
from benchmarks.faults.house import NEW, OLD, House
from benchmarks.tiny import passed
from factory import console, promoting, retaining
from factory.ledger import Ledger
from factory.model import (
    Build,
    Cohort,
    Collected,
    Project,
    Promoted,
    Publication,
    Selection,
    State,
    Target,
    Verdict,
    pair_digest,
)
from factory.plan import floating_tags, immutable_tag
from factory.project import all_builds, load
from factory.registry import Copier, Registry
from factory.settings import Settings


@dataclass
class Desk:
    """A project with two targets, one of whose builds is published at ``staging``."""

    place: House
    settings: Settings
    project: Project
    build: Build
    monkeypatch: pytest.MonkeyPatch

    @property
    def staging(self) -> str:
        return self.project.matrix.targets[0].repository(self.build.image)

    @property
    def prod(self) -> str:
        return self.project.matrix.targets[1].repository(self.build.image)

    def targets(self, staging: str, prod: str, **more: Any) -> None:
        targets = (
            Target(name="staging", registry=staging, retention=more.pop("retention", None)),
            Target(name="prod", registry=prod, **more),
        )
        matrix = replace(self.project.matrix, targets=targets)
        self.project = replace(self.project, matrix=matrix)
        for module in (promoting, retaining):
            self.monkeypatch.setattr(module, "load", lambda _settings: self.project)

    def ledger(self) -> Any:
        return Ledger.open(self.settings.state / "ledger.sqlite")

    def publish(
        self, key: str, *, at: str = "2026-11-01T00:00:00+00:00", build: Build | None = None
    ) -> Publication:
        """Have an image of a key at staging, judged and recorded."""
        build = build or self.build
        built, digest = self.place.images[key], self.place.digests[key]
        floating = floating_tags(build, self.project.matrix.latest)
        now = Publication(
            build_id=build.id,
            key=key,
            target="staging",
            repository=self.staging,
            immutable=immutable_tag(build, key),
            floating=floating,
            manifest_digest=digest,
            config_digest=built.config_digest,
            at=at,
        )
        seed, client = f"{self.place.source}/team/seed", Registry()
        manifest = client.require(seed, digest)
        Copier(client).image(seed, self.staging, manifest, now.immutable)
        for tag in floating:
            client.put(self.staging, tag, manifest)
        with self.ledger() as ledger:
            ledger.record_built(built)
            for verdict in passed(built):
                ledger.record_verdict(verdict)
            ledger.record_publication(now)
        return now

    def record(self, verdict: Verdict) -> None:
        with self.ledger() as ledger:
            ledger.record_verdict(verdict)

    def promote(self) -> Promoted:
        with console.observer(self.settings.state / "logs") as observer:
            return promoting.promote(self.settings, Selection(), "staging", "prod", observer)

    def collect(self, *, apply: bool = False) -> Collected:
        return retaining.collect(self.settings, Selection(), "staging", lambda _: None, apply=apply)

    def named(self, repository: str, key: str) -> dict[str, str | None]:
        tags = (
            immutable_tag(self.build, key),
            *floating_tags(self.build, self.project.matrix.latest),
        )
        return {tag: Registry().head(repository, tag) for tag in tags}

    def pair(self) -> tuple[Build, Build]:
        """Have the project consist of two builds that are verified, and move, together."""
        head, workers = all_builds(self.project)[:2]
        other = replace(workers, cell=replace(workers.cell, device="gpu", ray=head.cell.ray))
        cells = (head.cell, other.cell)
        cohort = Cohort(name="c", where="matrix.yaml:1:1", pairs=(cells,))
        matrix = replace(self.project.matrix, cohorts=(cohort,), cells=cells)
        self.project = replace(self.project, matrix=matrix)
        return head, other

    def judge_pair(self) -> None:
        """Have both images passed together: the new one of the head, the old one of the workers."""
        images = (self.place.images[NEW].config_digest, self.place.images[OLD].config_digest)
        verify = passed(self.place.images[NEW])[1]
        self.record(replace(verify, config_digest=pair_digest(*images), images=images))


@contextmanager
def desk_at(
    place: House, tree: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """Of the project in ``tree``, with both targets at registries of their own."""
    monkeypatch.setenv("CI", "true")
    settings = Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(folder)})
    project = load(settings)
    made = Desk(place, settings, project, all_builds(project)[0], monkeypatch)
    with distribution(folder / "staging") as one, distribution(folder / "prod") as two:
        made.targets(f"{one}/team", f"{two}/team")
        yield made


def states(found: Promoted) -> list[State]:
    """What became of each piece of work."""
    return [one.state for one in found.outcomes]
