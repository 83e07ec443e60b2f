"""Verdicts that others reached, taken from where an image was taken from.

They count as our own if a trusted key signed them, or if they come from the local registry, which
only who is on this machine can write to; and only on the very basis on which we would judge.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property

from factory.errors import ConfigError, FactoryError
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
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def verdict(
        self, planned: PlannedBuild, built: Built, gate: Gate, basis: str
    ) -> Verdict | None:
        """What a gate said last, on one basis, of an image that a target had, if somebody is
        believed who says so. A failure is not taken over: it is tried anew.

        Raises:
            ConfigError: a key that ``matrix.yaml`` trusts cannot be read.
        """
        with self._lock:
            if built.config_digest not in self._found:
                self._found[built.config_digest] = self._look(planned, built)
            found = self._found[built.config_digest]
        same = (one for one in found if one.gate is gate and one.basis == basis)
        last = next(same, None)
        return None if last is None or last.status is Status.FAIL else last

    def _look(self, planned: PlannedBuild, built: Built) -> tuple[Verdict, ...]:
        targets = (one for one in self.project.matrix.targets if one.name == built.source)
        target = next(targets, None)
        if target is None:
            return ()
        names = target.names(planned)
        try:
            subject = subject_of(self.registry, names.repository, names.immutable)
            if subject.config_digest != built.config_digest:
                return ()
            found = carried(self.registry, names.repository, subject, self._keys)
        except ConfigError:
            raise
        except FactoryError:  # then it is judged here, as if nobody had said anything
            return ()
        believed = [one for one in found.pieces if not one.why and self._believes(one, target)]
        if overlooked(found.unread, believed):
            return ()
        verdicts = [one.verdict for one in believed if one.verdict and _counts(one.verdict)]
        return tuple(sorted(verdicts, key=_newest, reverse=True))

    def _believes(self, piece: Piece, target: Target) -> bool:
        # Behind a loopback address of another kind may be a tunnel to a registry that many write
        # to, and FACTORY_REGISTRY may name one that is elsewhere.
        host = target.registry.partition("/")[0]
        here = target.kind == LOCAL and is_loopback(host)
        return bool(piece.signer) or here

    @cached_property
    def _keys(self) -> tuple[PublicKey, ...]:
        return read_keys(self.project.matrix.evidence.trust, self.settings.root)


def _counts(verdict: Verdict) -> bool:
    """Whether it is on one image, and by everybody's policy."""
    return not verdict.target and not verdict.images


def _newest(verdict: Verdict) -> tuple[str, bool]:
    return verdict.at, verdict.status is Status.FAIL
