"""A project whose floating tags moved at two targets, by a ledger and a registry in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from factory import console, retaining
from factory.ledger import Ledger
from factory.model import (
    Collected,
    Journal,
    Move,
    Outcome,
    Project,
    Publication,
    Retention,
    Selection,
    Stage,
    Target,
)
from factory.project import all_builds, load
from factory.resuming import rollback
from factory.settings import Settings
from tests.unit.publish.holding import Held, holding

POLICY = Retention(keep_days=0, keep_last=1)


@dataclass
class Moved:
    """Versions of one build, published at targets.

    Attributes:
        told: what was noted meanwhile.
    """

    settings: Settings
    project: Project
    held: Held
    monkeypatch: pytest.MonkeyPatch
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.target()
        self.monkeypatch.setattr(retaining, "load", lambda _settings: self.project)

    def target(self, **prod: Any) -> None:
        """Have the targets ``prod`` and ``local``, the first of them as it is said to be."""
        where = {"registry": f"{self.held.host}/prod", "retention": POLICY, **prod}
        targets = (
            Target(name="prod", **where),
            Target(name="local", registry=f"{self.held.host}/here"),
        )
        self.project = replace(self.project, matrix=replace(self.project.matrix, targets=targets))

    def repository(self, target: str) -> str:
        return f"{self.held.host}/{'prod' if target == 'prod' else 'here'}/demo"

    def publish(self, version: str, *targets: str, done: bool = True) -> Journal:
        """Have a run, by the name of the version, move the tags to it at some targets."""
        found = [self._publication(version, target) for target in targets]
        moves = tuple(self._move(one) for one in found)
        journal = Journal(
            run=f"run-{version}",
            group=found[0].build_id,
            publications=tuple(found),
            moves=moves,
            at=datetime.now(UTC).isoformat(),
        )
        with self.ledger() as ledger:
            for one in found:
                ledger.record_pushed(one)
                self.held.put(one.repository, one.immutable, one.manifest_digest)
                self.held.put(one.repository, one.floating[0], one.manifest_digest)
            journal = ledger.begin_journal(journal)
            if done:
                journal = replace(journal, stage=Stage.DONE)
                ledger.end_journal(journal)
        return journal

    def _publication(self, version: str, target: str) -> Publication:
        build = all_builds(self.project)[0]
        return Publication(
            build_id=build.id,
            key=version * 32,
            target=target,
            repository=self.repository(target),
            immutable=f"{build.cell.id}-{version}",
            floating=(build.cell.id,),
            manifest_digest=self.held.version(version),
            config_digest=f"sha256:{version}",
            at=datetime.now(UTC).isoformat(timespec="microseconds"),
        )

    def _move(self, one: Publication) -> Move:
        return Move(
            target=one.target,
            repository=one.repository,
            tag=one.floating[0],
            before=self.held.named(one.repository).get(one.floating[0]),
            after=one.manifest_digest,
        )

    def ledger(self) -> AbstractContextManager[Ledger]:
        return Ledger.open(self.settings.state / "ledger.sqlite")

    def collect(self, *, apply: bool = False) -> Collected:
        note = self.told.append
        return retaining.collect(self.settings, Selection(), "prod", note, apply=apply)

    def roll_back(self, version: str) -> Outcome:
        with console.observer(self.settings.state / "logs") as observer:
            [outcome] = rollback(self.settings, f"run-{version}", observer).outcomes
        return outcome

    def versions(self, target: str) -> set[str]:
        """Which of them are there."""
        tags = self.held.named(self.repository(target))
        return {tag.rpartition("-")[2] for tag in tags} - {"cpu"}

    def floats(self, target: str) -> str:
        """The digest of what the floating tag names."""
        return self.held.named(self.repository(target))[all_builds(self.project)[0].cell.id]


@contextmanager
def moved_at(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    """Of the project in ``tree``, at which nothing was published yet."""
    monkeypatch.setenv("CI", "true")
    settings = Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(tree.parent)})
    monkeypatch.setattr("factory.resuming.project_of", lambda _settings: settings)
    with holding() as held:
        yield Moved(settings, load(settings), held, monkeypatch)
