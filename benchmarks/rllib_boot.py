"""`invoke bench rllib-boot`: from an image in the registry to a job that needs RLlib, beside nodes
that install RLlib when they boot."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import half, link, machine, quiet
from benchmarks.booted import MBITS, Linked, Taken, told
from benchmarks.distribution import free_port
from benchmarks.figures import Figure
from benchmarks.notes import JOB, UV, Notes, Took, answer, as_written, missing
from benchmarks.tree import Tree, empty, workplace
from factory import process
from factory.build import host_sources
from factory.choosing import choose
from factory.cluster.plan import CLUSTER
from factory.engine import Engine
from factory.errors import ConfigError, FactoryError, MachineError
from factory.model import Build, Chosen, Selection
from factory.pipeline import prepare
from factory.process import ProcessFailed
from factory.project import load
from factory.settings import Settings

RUNS = 3
WORKERS = 2
METHOD = f"""\
An image with RLlib and torch, and one of the same project without, released into a registry on this
machine, with bases that no other image has; then removed from the engine with all layers. {RUNS}
times in turns, each time from an image that is in the registry alone to the result of a job, in
which RLlib trains for an iteration on the head and on {WORKERS} workers: `invoke cluster.up` and
`invoke cluster.submit` with the one, start-up included; and with the other a bare Compose file
whose nodes install what it lacks and then start Ray, in the careful way all at once; the job is run
by `docker compose exec`. The careful way: pip is told every version, torch's build for CPUs among
them, looks for no dependency, and keeps no cache, since every node is new. `uv_seconds` is the same
with uv, in one run. The notes' way is one run of `pip install "ray[rllib]" torch` at the same
versions, whose torch is PyPI's, built for CUDA; workers begin when the head is up, as with `ray
up`. `at_once` is the same with all nodes at once, in one run. All install from where this machine
does. The engine is one, so that either image is pulled once for all nodes, and they share its
cores. Taking down is not part of it, and the next begins when disks and cores are idle again,
memory is at hand, and the file system has forgotten what was deleted. Medians. `link` is ours and
the notes' way once more, where each node, and the engine from the registry, gets {MBITS} Mbit/s.
"""
_SECONDS = 1800
_CODE = Path(__file__).parents[1]
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two builds that differ in RLlib alone."""

    plain: Build
    rllib: Build


def pair_of(builds: Sequence[Build]) -> Pair:
    """The first two for CPUs.

    Raises:
        ConfigError: there are none.
    """
    for one in builds:
        plain = replace(one, cell=replace(one.cell, rllib=False))
        if one.cell.rllib and one.cell.device == "cpu" and plain in builds:
            return Pair(plain=plain, rllib=one)
    raise ConfigError(
        "no image is selected with RLlib and without, on one cell for CPUs",
        todo="leave --only out, or add such cells to matrix.yaml",
    )


def run(settings: Settings, selection: Selection, say: Say) -> Figure:
    """Measure it.

    Raises:
        ConfigError: no image has builds with RLlib and without.
        FactoryError: a build, a cluster or the job failed, or an image was there already.
    """
    pair = pair_of(prepare(settings, selection).builds)
    only = Selection(only=(pair.plain.id, pair.rllib.id))
    with workplace(settings, say) as place, place.tree(only, _no_cohorts) as tree:
        _release(tree, half.selecting(only.only), say)
        engine = Engine.connect()
        ours = choose(tree.settings, engine, pair.rllib.id, None)
        base = choose(tree.settings, engine, pair.plain.id, None)
        notes = _notes(tree, base, missing(_freeze(tree, ours), _freeze(tree, base)))
        written = as_written(pair.rllib.cell.ray, notes.requirements)
        bench = _Bench(tree=tree, ours=ours, notes=notes, written=written, say=say)
        return _figure(engine, pair, notes, bench.run())


def _release(tree: Tree, flags: Sequence[str], say: Say) -> None:
    """No part of what is timed, so a cluster that did not boot on a busy machine may try again."""
    say("released, for the first time")
    try:
        half.factory(tree, "release", *flags)
    except FactoryError as error:
        say(f"{error}: once more")
        half.factory(tree, "release", *flags, cold=False)


def _no_cohorts(content: dict[str, Any]) -> None:
    """Whose other members would have to be released too."""
    content.pop("cohorts", None)


def _freeze(tree: Tree, image: Chosen) -> str:
    argv = ["docker", "run", "--rm", f"--label=io.ray-image-factory.run={tree.mark}", image.ref]
    try:
        return process.run([*argv, "pip", "freeze", "--all"], timeout=_SECONDS).stdout
    except ProcessFailed as error:
        raise FactoryError(f"{image.name} has no pip", detail=error.completed.tail) from error


def _notes(tree: Tree, base: Chosen, requirements: Sequence[str]) -> Notes:
    torch = load(tree.settings).matrix.devices["cpu"].torch
    notes = Notes(
        tree=tree,
        ref=base.ref,
        workers=WORKERS,
        requirements=requirements,
        sources=host_sources(),
        flags=[f"--extra-index-url={torch.index}"] if torch and torch.index else (),
        wheels=tree.settings.root / torch.find_links if torch and torch.find_links else None,
    )
    notes.ready()
    return notes


@dataclass(frozen=True, kw_only=True)
class _Bench:
    tree: Tree
    ours: Chosen
    notes: Notes
    written: Sequence[str]
    say: Say

    def run(self) -> Taken:
        """Ours and the careful way in turns; once with uv, and twice as people write it."""
        ours, careful = [], []
        for _ in range(RUNS):
            self._empty()
            ours.append(self._ours())
            self.say(f"cluster.up, and the job: {told(ours[-1])}")
            self._empty()
            careful.append(self.notes.run())
            self.say(f"installed at boot, with care: {told(careful[-1])}")
        self._empty()
        by_uv = self.notes.run(UV)
        self.say(f"installed at boot by uv: {told(by_uv)}")
        self._empty()
        at_once = self.notes.run_plain(self.written, at_once=True)
        self.say(f"installed at boot, as people write it, but all at once: {told(at_once)}")
        self._empty()
        notes = self.notes.run_plain(self.written, at_once=False)
        self.say(f"installed at boot, as people write it: {told(notes)}")
        return Taken(
            ours=ours,
            careful=careful,
            uv=by_uv,
            at_once=at_once,
            notes=notes,
            linked=self._linked(),
        )

    def _linked(self) -> Linked | None:
        """The last of all, and no reason to lose the others."""
        notes = partial(self.notes.run_plain, self.written, at_once=False)
        try:
            return Linked(ours=self._over_links(self._ours), notes=self._over_links(notes))
        except MachineError as error:
            self.say(f"not taken with links of {MBITS} Mbit/s: {error.what}")
            return None

    def _over_links(self, run: Callable[[], Took]) -> Took:
        with link.limited(int(self.tree.settings.registry.rpartition(":")[2]), MBITS):
            self._empty()
            took = run()
        self.say(f"with links of {MBITS} Mbit/s: {told(took)}")
        return took

    def _empty(self) -> None:
        empty(self.tree, [self.ours.ref, self.notes.ref])
        quiet.await_idle()
        quiet.forget_deleted()
        quiet.settle()

    def _ours(self) -> Took:
        name, nodes = self.tree.mark, WORKERS + 1
        folder = self.tree.folder / "job"
        folder.mkdir(exist_ok=True)
        shutil.copy(JOB, folder / "job.py")
        flags = ["--cell", self.ours.name, "--workers", str(WORKERS), "--port", str(free_port())]
        started = time.time()
        try:
            self._invoke(folder, "cluster.up", "--name", name, *flags)
            up = time.time()
            job = ["python", "job.py", str(nodes)]
            said = self._invoke(folder, "cluster.submit", "--name", name, "--", *job)
            ended = time.time()
            waited = answer(said, nodes).waited
            made = _made(name)
        finally:
            self._invoke(folder, "cluster.down", "--name", name, check=False)
        return Took(pull=made - started, boot=up - made + waited, job=ended - up - waited)

    def _invoke(self, folder: Path, *words: str, check: bool = True) -> str:
        argv = [sys.executable, "-m", "invoke", f"--search-root={_CODE}", *words]
        try:
            return process.run(
                argv, env=self.tree.env, cwd=folder, timeout=_SECONDS, shielded=not check
            ).stdout
        except ProcessFailed as error:
            if not check:
                return ""
            tail = error.completed.tail
            raise FactoryError(f"`invoke {words[0]}` failed", detail=tail) from error


def _made(name: str) -> float:
    """When the first container of a cluster was made, in seconds of the epoch."""
    listed = process.run(["docker", "ps", "--quiet", f"--filter=label={CLUSTER}={name}"]).stdout
    inspect = ["docker", "container", "inspect", "--format={{.Created}}", *listed.split()]
    times = process.run(inspect).stdout.split()
    return min(datetime.fromisoformat(one).timestamp() for one in times)


def _figure(engine: Engine, pair: Pair, notes: Notes, taken: Taken) -> Figure:
    return Figure(
        name="rllib-boot",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(engine),
        values={
            "rllib_build": pair.rllib.id,
            "plain_build": pair.plain.id,
            **taken.values(),
            "installed_at_boot": list(notes.requirements),
        },
        targets=taken.targets(),
    )
