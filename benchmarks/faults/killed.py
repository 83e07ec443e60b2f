"""Publishing that is killed at every step, and resumed: what the floating tags named meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from benchmarks.faults import family, vouched
from benchmarks.faults.family import Version
from factory.engine import Engine
from factory.errors import RegistryError
from factory.ledger import Ledger
from factory.model import Publication, Target
from factory.registry import Registry
from factory.settings import Settings

ROOT = Path(__file__).parents[2]
Tags = dict[str, str | None]
Told = tuple[tuple[str, ...], ...]
"""What is told of each build of the new version: all that refers to its image."""


@dataclass(frozen=True, kw_only=True)
class Killed:
    """One publication that was killed before one of its steps, and resumed.

    Attributes:
        step: which, from 1, and its name.
        faults: what must not have been; empty if all went well.
    """

    step: tuple[int, str]
    faults: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Watcher:
    """Reads tags again and again, as a cluster that pulls them would."""

    repository: str
    tags: Sequence[str]
    seen: dict[str, set[str | None]] = field(default_factory=dict)
    polls: int = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """For a ``with`` block."""
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _watch(self, over: threading.Event) -> None:
        registry = Registry()
        while not over.is_set():
            for tag in self.tags:
                try:
                    digest = registry.head(self.repository, tag)
                except RegistryError:
                    continue
                self.seen.setdefault(tag, set()).add(digest)
            self.polls += 1
            time.sleep(0.002)


@dataclass(frozen=True, kw_only=True)
class Publishers:
    """Runs ``doomed``."""

    stdin: IO[str]
    stdout: IO[str]

    def run(self, spec: Path, verb: str, fatal: int) -> int:
        """The exit code of one publisher."""
        self.stdin.write(json.dumps([str(spec), verb, fatal]) + "\n")
        self.stdin.flush()
        return int(self.stdout.readline())


@contextmanager
def _publishers() -> Iterator[Publishers]:
    argv = [sys.executable, "-m", "benchmarks.faults.doomed"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdin
        assert server.stdout
        yield Publishers(stdin=server.stdin, stdout=server.stdout)


def killed_everywhere(
    folder: Path,
    host: str,
    *,
    steps: Callable[[list[str]], Sequence[int]] = lambda names: range(1, len(names) + 1),
    twice: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> list[Killed]:
    """Publish a new version over an old one, killed before each step, and resume each time.

    Args:
        folder: an empty one, for what this makes.
        host: ``host:port`` of a registry that lets in everybody, and is ours alone.
        steps: which of the steps of an undisturbed run to be killed before, from 1, by their names.
        twice: whether the resuming run is killed too, before one of its steps, and resumed.
        say: told of each case.
    """
    engine = Engine.connect()
    name = f"killed-{os.getpid()}"
    versions = tuple(family.build(name, letter, folder / "context") for letter in "ab")
    try:
        with _publishers() as publishers:
            plain = _Case(
                folder=folder,
                host=host,
                name="plain",
                versions=versions,
                engine=engine,
                publishers=publishers,
            )
            names = plain.undisturbed()
            wanted = plain.state()
            assert all(wanted.told), "there is evidence"
            cases = []
            for step in steps(names):
                case = replace(plain, name=f"step{step}")
                cases.append(case.run((step, names[step - 1]), wanted, twice=twice))
                say(f"killed before step {step} ({names[step - 1]}): {cases[-1].faults or 'well'}")
            return cases
    finally:
        family.remove(engine, versions)


@dataclass(frozen=True, kw_only=True)
class _State:
    """What tags name, what is told of the new images, and what the ledger knows."""

    tags: Tags
    told: Told
    published: list[Publication]
    unfinished: int


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A repository and a ledger of its own, where the old version is published."""

    folder: Path
    host: str
    name: str
    versions: tuple[Version, ...]
    engine: Engine
    publishers: Publishers

    @property
    def home(self) -> Path:
        return self.folder / self.name

    @property
    def target(self) -> Target:
        return Target(name="there", registry=f"{self.host}/{self.name}")

    @property
    def repository(self) -> str:
        return self.target.repository(self.versions[0].name)

    @property
    def floating(self) -> list[str]:
        return [tag for one in self.versions[1].planned for tag in one.floating]

    @property
    def immutable(self) -> list[str]:
        return [one.immutable for version in self.versions for one in version.planned]

    @property
    def settings(self) -> Settings:
        return vouched.settings_at(self.home)

    def begin(self) -> None:
        """Publish the old version."""
        old, new = self.versions
        self.home.mkdir()
        digests = [one.config_digest for one in (*old.built, *new.built)]
        vouched.keep_materials(self.settings, {one: vouched.materials(one, 1) for one in digests})
        with Ledger.open(self.home / "ledger.sqlite") as ledger:
            family.publish(
                family.publishing(
                    old,
                    engine=self.engine,
                    registry=Registry(),
                    ledger=ledger,
                    target=self.target,
                    locks=self.home / "cache" / "publishing",
                    run_id="old",
                    evidence=self.settings,
                )
            )
        spec = {
            "folder": str(self.home),
            "registry": self.target.registry,
            "version": family.written(new),
        }
        (self.home / "spec.json").write_text(json.dumps(spec))

    def undisturbed(self) -> list[str]:
        """Publish both versions, and name the steps that the second takes."""
        self.begin()
        names = self.child("publish", 0)
        assert names is not None, "an undisturbed run ends"
        return names

    def run(self, step: tuple[int, str], wanted: _State, *, twice: bool) -> Killed:
        """Kill it before a step, resume it, and look at what came of it."""
        self.begin()
        before = self.tags()
        watcher = Watcher(repository=self.repository, tags=[*self.floating, *self.immutable])
        with watcher.watching():
            died = self.child("publish", step[0]) is None
            faults = list(self._bare(before, wanted.told))
            if twice:
                self.child("resume", 1 + step[0] * 5 % 31)
                faults += self._bare(before, wanted.told)
            ended = self.child("resume", 0) is not None
        faults += self._unlike(watcher, before)
        faults += [] if died else ["it was not killed"]
        faults += [] if ended else ["the resuming run did not end"]
        faults += [] if self.state() == wanted else ["the end differs from an undisturbed run's"]
        return Killed(step=step, faults=tuple(faults))

    def child(self, verb: str, fatal: int) -> list[str] | None:
        """The steps of a process of its own, or ``None`` if it was killed."""
        spec = self.home / "spec.json"
        code = self.publishers.run(spec, verb, fatal)
        if code == -signal.SIGKILL:
            return None
        assert code == 0, "its traceback is on standard error"
        steps: list[str] = json.loads(spec.with_name("steps.json").read_text())
        return steps

    def tags(self) -> Tags:
        """What all tags name now."""
        names = (*self.floating, *self.immutable)
        return {tag: Registry().head(self.repository, tag) for tag in names}

    def told(self) -> Told:
        """What is told of each new image."""
        client, names = Registry(), [one.immutable for one in self.versions[1].planned]
        digests = [client.head(self.repository, tag) for tag in names]
        return tuple(
            vouched.told_of(client, self.repository, one) if one else () for one in digests
        )

    def state(self) -> _State:
        """All that has to be as after an undisturbed run."""
        with Ledger.open(self.home / "ledger.sqlite") as ledger:
            published = sorted(ledger.publications().items())
            unfinished = len(ledger.unfinished())
        same = [replace(one, at="", repository="") for _, one in published]
        return _State(tags=self.tags(), told=self.told(), published=same, unfinished=unfinished)

    def _bare(self, before: Tags, wanted: Told) -> Iterator[str]:
        """Whether a floating tag has moved, and not all of the group has its evidence."""
        now = self.tags()
        if any(now[tag] != before[tag] for tag in self.floating) and self.told() != wanted:
            yield vouched.EARLY

    def _unlike(self, watcher: Watcher, before: Tags) -> Iterator[str]:
        """What a tag named that it never should have."""
        after = self.tags()
        if watcher.polls < 2:
            yield "nobody watched"
        for tag in watcher.tags:
            allowed = {before[tag], after[tag]}
            strange: set[Any] = watcher.seen.get(tag, set()) - allowed
            if strange:
                yield f"{tag} named {sorted(map(str, strange))}"
            if tag in self.immutable and before[tag] not in (None, after[tag]):
                yield f"{tag}, which is immutable, was moved"
