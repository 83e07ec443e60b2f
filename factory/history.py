"""What images were made of: from the plan and the files into the ledger, and back as reasons."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from factory.context import Contents, Tree
from factory.explain import is_lock, manifest, pins, reason_of
from factory.ledger import Ledger
from factory.model import Built, Chain, Plan, PlannedBuild, Step, StepRecord, Trace

GONE = "gone from the engine"


@dataclass(kw_only=True)
class History:
    """What a plan's steps are made of, beside what those before them were.

    Attributes:
        plan: whose keys are final as far as they can be.
        contents: the files that it was made from.
        ledger: as it was when this is first asked, a run's own records are not history.
    """

    plan: Plan
    contents: Contents
    ledger: Ledger

    def reason(self, step: Step) -> str:
        """Why a step has to be made that is not in the engine: in the words of the first build
        that needs it and was made before, of whichever needs it first if none was."""
        if self.ledger.built(step.key):
            return GONE
        users = self._users[step.key]
        user = next((one for one in users if one.build.id in self._made), users[0])
        return reason_of(step.key, self.chain(user), self.last(user), self.text)

    def chain(self, planned: PlannedBuild) -> Chain:
        """What a build is made of as it is planned."""
        return tuple(_record(self.plan.steps[key]) for key in planned.steps)

    def last_key(self, planned: PlannedBuild) -> str | None:
        """The key of a build's last image, ``None`` if it never was made."""
        return self._made.get(planned.build.id)

    def last(self, planned: PlannedBuild) -> Chain | None:
        """What a build was last made of; empty if nobody wrote that down, ``None`` if it never
        was made."""
        key = self.last_key(planned)
        return None if key is None else self.ledger.chain(key)

    def text(self, digest: str) -> str | None:
        """The text that an input is the digest of: of planned steps by what is there now, of
        others as it was recorded."""
        if digest in self._dockerfiles:
            return self._dockerfiles[digest]
        if digest in self._trees:
            return _listed(self._trees[digest])
        if digest in self._locks:
            return self._pins(self._locks[digest], digest)
        return self.ledger.content(digest)

    def record(self, step: Step, built: Built) -> None:
        """Write down that a step is in the engine, of what it was made, and whose image it is."""
        self.ledger.record_built(built, self._trace(step))

    def confirm(self, step: Step) -> None:
        """Write down the same of a step that was there already, unless it is known."""
        owners = self._owners.get(step.key, ())
        if step.key not in self._traced or any(self._made.get(one) != step.key for one in owners):
            self.ledger.record_made(self._trace(step))

    def _trace(self, step: Step) -> Trace:
        chain = tuple(self._lineage(step))
        fresh = [one for one in chain if one.key not in self._traced]
        return Trace(
            steps=tuple(_record(one) for one in fresh),
            contents=dict(pair for one in fresh for pair in self._texts(one)),
            made=dict.fromkeys(self._owners.get(step.key, ()), step.key),
        )

    def _lineage(self, step: Step) -> Iterator[Step]:
        if step.parent:
            yield from self._lineage(self.plan.steps[step.parent])
        yield step

    def _texts(self, step: Step) -> Iterator[tuple[str, str]]:
        yield dict(step.inputs)["dockerfile"], step.dockerfile
        for name, place in _places(step).items():
            tree = self.contents.tree(*place, where=name)
            yield tree.digest, _listed(tree)
            for digest, path in _locks(name, tree):
                text = self._pins(path, digest)
                if text is not None:
                    yield digest, text

    def _pins(self, path: str, digest: str) -> str | None:
        """Of a lock, unless it is no longer the one that was hashed."""
        try:
            content = (self.contents.root / path).read_bytes()
        except OSError:
            return None
        same = hashlib.sha256(content).hexdigest() == digest
        return pins(content.decode("utf-8", "replace")) if same else None

    @cached_property
    def _made(self) -> dict[str, str]:
        return self.ledger.made()

    @cached_property
    def _traced(self) -> set[str]:
        return self.ledger.traced()

    @cached_property
    def _owners(self) -> dict[str, list[str]]:
        """The builds whose last step a key is; equal cells of one image share it."""
        found: dict[str, list[str]] = {}
        for planned in self.plan.builds:
            found.setdefault(planned.key, []).append(planned.build.id)
        return found

    @cached_property
    def _users(self) -> dict[str, list[PlannedBuild]]:
        found: dict[str, list[PlannedBuild]] = {}
        for planned in self.plan.builds:
            for key in planned.steps:
                found.setdefault(key, []).append(planned)
        return found

    @cached_property
    def _dockerfiles(self) -> dict[str, str]:
        steps = self.plan.steps.values()
        return {dict(step.inputs)["dockerfile"]: step.dockerfile for step in steps}

    @cached_property
    def _trees(self) -> dict[str, Tree]:
        places = {(*place, name) for name, place in self._reads}
        found = (self.contents.tree(folder, path, where=name) for folder, path, name in places)
        return {tree.digest: tree for tree in found}

    @cached_property
    def _locks(self) -> dict[str, str]:
        trees = ((name, self.contents.tree(*place, where=name)) for name, place in self._reads)
        return dict(pair for name, tree in trees for pair in _locks(name, tree))

    @cached_property
    def _reads(self) -> list[tuple[str, tuple[str, str]]]:
        steps = self.plan.steps.values()
        return list(dict.fromkeys(pair for step in steps for pair in _places(step).items()))


def _record(step: Step) -> StepRecord:
    return StepRecord.of(step, {name: folder for name, (folder, _) in _places(step).items()})


def _places(step: Step) -> dict[str, tuple[str, str]]:
    """Where the files of its inputs are, as (context's folder, path in it), by input."""
    folders = dict(step.contexts)
    places = ((folders[read.context], read.path) for read in step.reads)
    return {f"file {posixpath.normpath('/'.join(place))}": place for place in places}


def _listed(tree: Tree) -> str:
    return manifest((entry.path, entry.kind, entry.digest) for entry in tree.entries)


def _locks(name: str, tree: Tree) -> Iterator[tuple[str, str]]:
    """Digest and path of a lock, if that is what an input reads."""
    path = name.partition(" ")[2]
    if is_lock(path) and len(tree.entries) == 1:
        yield tree.entries[0].digest, path
