"""Verdicts that others reached, taken from where an image is published.

They count as our own if a trusted key signed them, or if they come from the local registry, which
only who is on this machine can write to; and only on the very basis on which we would judge.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from factory.errors import ConfigError, FactoryError, RegistryError
from factory.evidence import PublicKey, carried, overlooked, read_keys, subject_of
from factory.model import Built, Gate, Piece, PlannedBuild, Project, Status, Target, Verdict
from factory.model.target import LOCAL
from factory.registry import Registry, is_loopback
from factory.settings import Settings


@dataclass(kw_only=True)
class Borrower:
    """Looks for verdicts at targets, once for each image. Threads may share it."""

    settings: Settings
    project: Project
    registry: Registry
    _found: dict[str, tuple[Verdict, ...]] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def verdict(
        self, planned: PlannedBuild, built: Built, gate: Gate, basis: str
    ) -> Verdict | None:
        """What a gate said last, on one basis, of an image that a target has, if somebody is
        believed who says so. A failure is not taken over: it is tried anew.

        Raises:
            ConfigError: a key that ``matrix.yaml`` trusts cannot be read.
        """
        return _last(self._carried(planned, built), gate, built.config_digest, basis)

    def together(
        self, sides: Iterable[tuple[PlannedBuild, Built]], both: str, basis: str
    ) -> Verdict | None:
        """The same of images that were verified as one cluster, by what any of them carries.

        Args:
            both: the digest that stands for exactly these images.

        Raises:
            ConfigError: as ``verdict``.
        """
        found = [one for side in sides for one in self._carried(*side)]
        return _last(sorted(found, key=_newest, reverse=True), Gate.VERIFY, both, basis)

    def _carried(self, planned: PlannedBuild, built: Built) -> tuple[Verdict, ...]:
        """What an image carries that is believed, the newest first. Of what was built here nobody
        is asked: that the ledger knows nothing of it means that it was not judged."""
        if built.ours and not built.source:
            return ()
        with self._lock:
            if built.config_digest not in self._found:
                found = [
                    one for it in self._places(built) for one in self._look(planned, built, it)
                ]
                self._found[built.config_digest] = tuple(sorted(found, key=_newest, reverse=True))
            return self._found[built.config_digest]

    def _places(self, built: Built) -> Iterator[Target]:
        """Where it may be: what was found in the engine, as where a ledger was lost, perhaps at any
        target that answers."""
        for one in self.project.matrix.targets:
            if built.source == one.name or (not built.source and one.name not in self._silent):
                yield one

    def _look(self, planned: PlannedBuild, built: Built, target: Target) -> list[Verdict]:
        names = target.names(planned)
        try:
            subject = subject_of(self.registry, names.repository, names.immutable)
            if subject.config_digest != built.config_digest:
                return []
            found = carried(self.registry, names.repository, subject, self._keys)
        except ConfigError:
            raise
        except FactoryError as error:  # then it is judged here, as if nobody had said anything
            if isinstance(error, RegistryError):
                self._silent.add(target.name)  # which need not be waited for again
            return []
        believed = [one for one in found.pieces if not one.why and self._believes(one, target)]
        if overlooked(found.unread, believed):
            return []
        # By a target's own policy an image passed there alone.
        return [one.verdict for one in believed if one.verdict and not one.verdict.target]

    def _believes(self, piece: Piece, target: Target) -> bool:
        # Behind a loopback address of another kind may be a tunnel to a registry that many write
        # to, and FACTORY_REGISTRY may name one that is elsewhere.
        host = target.registry.partition("/")[0]
        here = target.kind == LOCAL and is_loopback(host)
        return bool(piece.signer) or here

    @cached_property
    def _keys(self) -> tuple[PublicKey, ...]:
        return read_keys(self.project.matrix.evidence.trust, self.settings.root)


def _last(found: Iterable[Verdict], gate: Gate, digest: str, basis: str) -> Verdict | None:
    """The first of those on exactly this, unless it is a failure."""
    wanted = (gate, digest, basis)
    last = next((one for one in found if (one.gate, one.config_digest, one.basis) == wanted), None)
    return None if last is None or last.status is Status.FAIL else last


def _newest(verdict: Verdict) -> tuple[str, bool]:
    return verdict.at, verdict.status is Status.FAIL
