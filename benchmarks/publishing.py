"""`invoke bench publish`: what publishing asks, sends and takes, beside `docker push` in a loop."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import machine, tiny
from benchmarks.cohort import LANES, Cohort, Known, Sizes, cohort
from benchmarks.distribution import distribution
from benchmarks.faults import vouched
from benchmarks.faults.proxy import Proxy, proxying
from benchmarks.figures import Figure, ratio
from benchmarks.figures import Target as Goal
from factory.engine import Engine
from factory.model import Check, CheckStatus, Plan, Selection, Target
from factory.registry import Registry
from factory.settings import Settings
from factory.signals import terminable

MANY, FEW = 96, 12
RUNS = 5
LIMIT_SECONDS = 1.0
LIMIT_LAYERS = 1.05
LIMIT_FIRST, LIMIT_SECOND = 1.0, 0.1
CHECKS, COMPONENTS, BILL_KB = 25, 780, 700
"""Of evidence, as shipped images have it."""

SIZES = Sizes(base=3_000_000, packages=1_000_000, code=40_000)
METHOD = f"""\
Small real images (three layers that cannot be compressed: 3 MB, 1 MB and 40 KB, of which the first
two are all builds' and the last is each one's own) and real registries on this machine.
`nothing_new`: {MANY} builds that are published already, {RUNS} times, with a client and
connections of its own each time, and once through a proxy that counts requests. `changed`: the last
layer of each of {FEW} builds is another; the bytes of blobs that the proxy saw, less the
configurations. Apart from these: configurations and manifests (`metadata`; a manifest is sent for
each of its tags), and evidence with its manifests and lists, unsigned: two verdicts of {CHECKS}
checks each, a build record, and a bill of materials like that of a shipped image, with {COMPONENTS}
components in {BILL_KB} KB, each image's another one (`materials`, which are part of `evidence`).
`promoted`: these {FEW}, with their evidence, from one repository to another of the same registry.
`first` and `second`: the {FEW} builds to a registry that has nothing, and again, by the factory
({LANES} at once, as the pipeline does) and by a loop of `docker tag` and `docker push` over all
tags, in turns; medians. Gates are passed beforehand.
"""
_COMPONENT_BYTES = BILL_KB * 1000 // COMPONENTS - 40  # which its name and punctuation take
_TURNS = 3
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class _Ground:
    engine: Engine
    folder: Path

    def fresh(self) -> Path:
        """A folder of no use to anybody else; made by whoever takes it."""
        return self.folder / secrets.token_hex(4)


def run(_settings: Settings, _selection: Selection, say: Say) -> Figure:
    """Measure it.

    Raises:
        FactoryError: something could not be published.
        MachineError: there is no registry program.
    """
    engine = Engine.connect()
    with terminable(), tempfile.TemporaryDirectory(prefix="bench-publish-") as folder:
        ground = _Ground(engine=engine, folder=Path(folder))
        values = {**_nothing_new(ground, say), **_changed(ground, say), **_beside(ground, say)}
    return Figure(
        name="publish-speed",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(engine),
        values=values,
        targets=_targets(values),
    )


def _targets(values: dict[str, Any]) -> list[Goal]:
    first = ratio(values["first_factory_seconds"], values["first_loop_seconds"])
    second = ratio(values["second_factory_seconds"], values["second_loop_seconds"])
    return [
        Goal(
            name="nothing new: requests, a tag", value=values["nothing_new_requests_a_tag"], limit=1
        ),
        Goal(
            name=f"nothing new: {MANY} builds",
            value=values["nothing_new_median_seconds"],
            limit=LIMIT_SECONDS,
            unit="s",
        ),
        Goal(
            name="one line changed: layer bytes sent, of those changed",
            value=ratio(values["changed_sent_bytes"], values["changed_layer_bytes"]),
            limit=LIMIT_LAYERS,
        ),
        Goal(
            name="promoted: bytes of blobs sent",
            value=values["promoted_sent_bytes"],
            limit=0,
            unit="B",
        ),
        Goal(name="first push: time, of the loop's", value=first, limit=LIMIT_FIRST),
        Goal(name="second push: time, of the loop's", value=second, limit=LIMIT_SECOND),
    ]


def _nothing_new(ground: _Ground, say: Say) -> dict[str, Any]:
    sizes = Sizes(base=1_000, packages=1_000, code=1_000)
    mark = secrets.token_hex(4)
    with (
        cohort(
            ground.engine, ground.folder, builds=MANY, mark=mark, code="one", sizes=sizes
        ) as many,
        distribution(ground.fresh()) as host,
    ):
        say(f"{MANY} builds, for the first time")
        known = many.publish(host)
        say(f"{RUNS} times nothing")
        taken = [_seconds(lambda: many.publish(host, known)) for _ in range(RUNS)]
        with proxying(host) as proxy:
            moved = {
                build: replace(one, repository=one.repository.replace(host, proxy.host))
                for build, one in known.items()
            }
            many.publish(proxy.host, moved)
            requests = len(proxy.seen)
    return {
        "nothing_new_builds": MANY,
        "nothing_new_tags": many.tags,
        "nothing_new_requests": requests,
        "nothing_new_requests_a_tag": round(requests / many.tags, 3),
        "nothing_new_seconds": [round(one, 3) for one in taken],
        "nothing_new_median_seconds": round(median(taken), 3),
    }


def _changed(ground: _Ground, say: Say) -> dict[str, Any]:
    mark = secrets.token_hex(4)

    def few(code: str) -> Any:
        return cohort(ground.engine, ground.folder, builds=FEW, mark=mark, code=code, sizes=SIZES)

    with (
        few("one") as before,
        few("two") as after,
        distribution(ground.fresh()) as host,
        proxying(host) as proxy,
    ):
        say(f"{FEW} builds, then their last layers changed")
        known = before.publish(proxy.host)
        proxy.forget()
        now = after.publish(proxy.host, known)
        sent, manifests = proxy.blob_bytes(), proxy.manifest_bytes()
        configs, layers = after.config_bytes(host, now), after.layer_bytes(host, now, -1)
        proxy.forget()
        evidence = _evidence(ground, after, now, proxy)
        say("promoted within the registry")
        proxy.forget()
        copier = after.promote(proxy.host, now)
        return {
            "changed_builds": FEW,
            "changed_layer_bytes": layers,
            "changed_sent_bytes": sent - configs,
            "changed_metadata_bytes": configs + manifests,
            "changed_configuration_bytes": configs,
            "changed_manifest_bytes": manifests,
            **evidence,
            "promoted_builds": FEW,
            "promoted_requests": len(proxy.seen),
            "promoted_mounted_blobs": copier.moved.mounted,
            "promoted_sent_bytes": proxy.blob_bytes(),
        }


def _evidence(ground: _Ground, after: Cohort, now: Known, proxy: Proxy) -> dict[str, Any]:
    """Attach what is known of published images, as a run does, and tell what that sent."""
    images = {planned.build: built for planned, built in after.builds}
    settings = vouched.settings_at(ground.fresh())
    plan = Plan(
        steps=vouched.steps_of(one for one, _ in after.builds),
        builds=tuple(one for one, _ in after.builds),
    )
    bills = {
        one.config_digest: vouched.materials(one.config_digest, COMPONENTS, _COMPONENT_BYTES)
        for one in images.values()
    }
    vouched.keep_materials(settings, bills)
    checks = tuple(Check(name=f"check-{it}", status=CheckStatus.PASS) for it in range(CHECKS))
    attach = vouched.attester(
        settings,
        plan,
        Registry(),
        built=lambda planned: images[planned.build],
        verdicts=lambda planned, _digest: (
            replace(one, checks=checks) for one in tiny.passed(images[planned.build])
        ),
    )
    target = Target(name="staging", registry=f"{proxy.host}/staging")
    for planned, _ in after.builds:
        attach(planned, target, now[planned.build.id], lambda _: None, anew=True)
    return {
        "changed_evidence_bytes": proxy.blob_bytes() + proxy.manifest_bytes(),
        "changed_materials_bytes": sum(map(len, bills.values())),
    }


def _beside(ground: _Ground, say: Say) -> dict[str, Any]:
    mark = secrets.token_hex(4)
    times: dict[str, list[float]] = {}
    with cohort(
        ground.engine, ground.folder, builds=FEW, mark=mark, code="one", sizes=SIZES
    ) as few:
        for turn in range(_TURNS):
            say(f"turn {turn + 1} of {_TURNS}: the factory, and a loop of docker push")
            for name, seconds in _turn(ground, few, ours_first=turn % 2 == 0).items():
                times.setdefault(name, []).append(seconds)
    return {
        "beside_builds": FEW,
        "beside_tags": few.tags,
        **{name: round(median(taken), 3) for name, taken in times.items()},
        "second_times_as_fast": round(
            median(times["second_loop_seconds"]) / median(times["second_factory_seconds"]), 1
        ),
    }


def _turn(ground: _Ground, few: Cohort, *, ours_first: bool) -> dict[str, float]:
    """Each at a registry of its own, which has nothing."""
    found: dict[str, float] = {}
    with ExitStack() as stack:
        here, there = (stack.enter_context(distribution(ground.fresh())) for _ in range(2))

        def ours() -> None:
            known = {}
            found["first_factory_seconds"] = _seconds(lambda: known.update(few.publish(here)))
            found["second_factory_seconds"] = _seconds(lambda: few.publish(here, known))

        def loop() -> None:
            found["first_loop_seconds"] = _seconds(lambda: few.push_in_a_loop(there))
            found["second_loop_seconds"] = _seconds(lambda: few.push_in_a_loop(there))
            few.forget_names(there)

        for part in (ours, loop) if ours_first else (loop, ours):
            part()
    return found


def _seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun
