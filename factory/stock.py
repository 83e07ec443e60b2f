"""What images there are: in the engine, in the ledger, at the targets."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial

from factory.engine import Engine
from factory.errors import FactoryError, MachineError
from factory.glance import Glance
from factory.history import History
from factory.ledger import Ledger
from factory.model import (
    CREATED,
    KEY_LABEL,
    Begun,
    Built,
    Matrix,
    Plan,
    PlannedBuild,
    Project,
    Step,
    Target,
)
from factory.publish import existing, held, local
from factory.registry import Registry
from factory.remotes import Remotes, silently
from factory.settings import Settings

_ASKED_AT_ONCE = 8
"""How many builds are looked for at targets at once: each is one small request."""

_PATIENCE = 5
"""Seconds that a dry run waits for an engine; a sound one answers in a tenth of one."""


def in_engine(
    engine: Engine, ledger: Ledger, plan: Plan, glance: Glance | None
) -> dict[str, tuple[str, str]]:
    """The engine's images of a plan's steps: tag to (id, key). Where all builds were made before
    and are there still, it is theirs alone: then nobody asks for what they stand on.

    Args:
        glance: what was asked before there was a plan.

    Raises:
        MachineError: the engine went away.
    """
    keys = {planned.key for planned in plan.builds}
    built = [one for one in map(ledger.built, keys) if one]
    return _asked(engine, plan, built, glance)


def seen(plan: Plan, built: Mapping[str, Built]) -> dict[str, tuple[str, str]] | None:
    """The same for a dry run, which waits for no engine and does without one: ``None`` where none
    answers within seconds.

    Args:
        built: what the ledger knows, by key.
    """
    ours = [built[key] for key in {one.key for one in plan.builds} if key in built]
    found: list[dict[str, tuple[str, str]]] = []

    def ask() -> None:
        with suppress(MachineError):
            found.append(_asked(Engine.connect(), plan, ours, None))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    return found[0] if found else None


def _asked(
    engine: Engine, plan: Plan, built: Sequence[Built], glance: Glance | None
) -> dict[str, tuple[str, str]]:
    images = {one.ref: one.image_id for one in built}
    there = glance is not None and glance.confirms(images)
    if len(built) == len({one.key for one in plan.builds}) and (there or engine.holds(images)):
        return {one.ref: (one.image_id, one.key) for one in built}
    return engine.keyed(KEY_LABEL, (step.ref for step in plan.steps.values()))


def told(
    settings: Settings, matrix: Matrix, ledger: Ledger, builds: Sequence[PlannedBuild]
) -> dict[str, str]:
    """The keys of those builds that a target holds by what the ledger knows, to its name: no
    registry is asked."""
    places = {one.name: one for one in matrix.targets if not _is_new(settings, one)}
    published = ledger.publications()
    return {
        planned.key: name
        for planned in builds
        for name in places
        if (known := published.get((planned.build.id, name))) and known.key == planned.key
    }


def _is_new(settings: Settings, target: Target) -> bool:
    """Whether it is a local registry that nothing was published to: it need not be started."""
    return target.registry == settings.registry and not local.begun(settings)


@dataclass(kw_only=True)
class Stock:
    """The images of one run.

    Attributes:
        present: the engine's images that a factory made: tag to (id, key).
        history: what images were made of.
    """

    settings: Settings
    project: Project
    engine: Engine
    ledger: Ledger
    present: dict[str, tuple[str, str]]
    history: History
    _pinned: dict[str, Built] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _registry: Registry | None = None
    remotes: Remotes | None = None

    @cached_property
    def abroad(self) -> Remotes:
        """What is known of targets that are not this machine."""
        return self.remotes or Remotes(settings=self.settings, project=self.project)

    def registry(self) -> Registry:
        """The client for all registries, made when first needed."""
        with self._lock:
            self._registry = self._registry or self.abroad.client()
            return self._registry

    def held(self, builds: Sequence[PlannedBuild]) -> set[str]:
        """The keys of those builds that a target holds already, as far as that can be asked within
        seconds: a registry that is slow or away costs no more than building does."""
        pairs = [
            (one, target)
            for target in self.project.matrix.targets
            for one in self._perhaps(target, builds)
        ]
        with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
            found = pool.map(lambda pair: self._holds(*pair), pairs)
            return {one.key for (one, _), holds in zip(pairs, found, strict=True) if holds}

    def _perhaps(self, target: Target, builds: Sequence[PlannedBuild]) -> Sequence[PlannedBuild]:
        """Those that it may hold."""
        absent = silently(lambda: self.abroad.absent(target, builds))
        if absent is None:
            self._silent.add(target.name)
            return ()
        return [one for one in builds if one.key not in absent]

    def _holds(self, planned: PlannedBuild, target: Target) -> bool:
        if target.name in self._silent or _is_new(self.settings, target):
            return False
        try:
            self.ensure(target)
            known = self.ledger.publication(planned.build.id, target.name)
            return held(self.registry().hasty(), planned, target, known)
        except FactoryError:
            self._silent.add(target.name)  # the publish gate will meet the same, and report it
            return False

    def ensure(self, target: Target) -> None:
        """Have the local registry answer, if it is that one."""
        if target.registry == self.settings.registry:
            local.ensure(self.settings)

    def adopt(self, owner: PlannedBuild, step: Step, ours: Built | None) -> Built | None:
        for target in self.project.matrix.targets:
            if not self._holds(owner, target):
                continue
            adopted = existing(
                self.engine,
                self.registry(),
                owner,
                target,
                ref=step.ref,
                substituted_base=self.project.matrix.base.substituted,
                ours=ours,
                known=self.ledger.publication(owner.build.id, target.name),
                environment=partial(self.abroad.environment, target),
            )
            if adopted:
                return adopted
        return None

    def record(self, step: Step, built: Built) -> None:
        self.history.record(step, built)
        self._pinned[step.key] = built
        self.present[step.ref] = (built.image_id, step.key)

    def look_again(self, step: Step) -> None:
        image = self.engine.image(step.ref)
        if image:
            self.present[step.ref] = (image.id, image.labels.get(KEY_LABEL, ""))

    def in_engine(self, step: Step) -> Built | None:
        """The step as the engine has it now, whoever made it: this tree or another one."""
        image_id, key = self.present.get(step.ref, ("", ""))
        if key != step.key:
            return None
        built = self.ledger.built(step.key)
        if built and built.image_id == image_id:
            self._pinned[step.key] = built
            self.history.confirm(step)
            return built
        begun = self._begun_here(step)
        found = Built(
            key=step.key,
            ref=step.ref,
            image_id=image_id,
            config_digest=self.engine.config_digest(image_id),
            substituted_base=self.project.matrix.base.substituted,
            reason="found in the engine, made by another tree" if begun is None else begun.reason,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=0.0,
            ours=begun is not None,
        )
        self.record(step, found)
        return found

    def _begun_here(self, step: Step) -> Begun | None:
        """What was begun here and became the image that is there, if its maker was killed before it
        could say so. Another tree may have made one of that key meanwhile."""
        begun = self.ledger.begun(step.key)
        return begun if begun and self.engine.bears(begun.ref, CREATED, begun.created) else None

    def built(self, planned: PlannedBuild, error: type[FactoryError]) -> Built:
        # What this run began with it goes on with, whatever another run records meanwhile.
        built = self._pinned.get(planned.key) or self.ledger.built(planned.key)
        if built is None:
            raise error(
                f"{planned.build.id} has not been built as it is now",
                todo="run `invoke build` first, or `invoke release` for everything",
            )
        return built

    def require_in_engine(
        self, built: Built, planned: PlannedBuild, error: type[FactoryError]
    ) -> None:
        if self.present.get(built.ref) != (built.image_id, built.key):
            raise error(
                f"the image of {planned.build.id} is gone from the engine",
                where=built.ref,
                todo="run `invoke build`, which makes or fetches it again",
            )
