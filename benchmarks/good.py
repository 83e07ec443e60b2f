"""The images that controls are made of: those that are not broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from benchmarks import requests
from factory.engine import Engine
from factory.errors import ConfigError
from factory.model import Build, PlannedBuild
from factory.pipeline import Prepared
from factory.settings import Settings
from factory.verify import ClusterRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Good:
    """The images that are not broken.

    Attributes:
        request: a cluster of the plainest one.
        others: that of workers which do not fit it, by name: with another Ray, another Python,
            another patch of the same.
    """

    request: ClusterRequest
    others: Mapping[str, str]


def good_of(settings: Settings, prepared: Prepared) -> Good:
    """What is built of what is planned: the plainest build, and those that differ from it in one
    thing."""
    engine, steps = Engine.connect(), prepared.plan.steps
    refs = {one.build.id: steps[one.key].ref for one in prepared.plan.builds}
    there = engine.present(refs.values())
    built = [one for one in prepared.plan.builds if refs[one.build.id] in there]
    plain = next((one for one in built if _is_plain(one)), None)
    if plain is None:
        raise ConfigError(
            "none of the plain images, for CPUs and without RLlib, is built",
            todo="run `invoke build`",
        )
    request = requests.request_of(settings, prepared.project, plain, refs[plain.build.id])
    return Good(
        request=replace(request, own_checks=()),
        others={
            name: refs[one.build.id]
            for one in reversed(built)
            for name in _misfits(one.build, plain.build)
        },
    )


def _misfits(one: Build, plain: Build) -> Iterator[str]:
    """What a build is, next to the plain one."""
    if one.image != plain.image:
        return
    if one.cell.ray != plain.cell.ray and one.cell.python == plain.cell.python:
        yield "other ray"
    if one.cell.python != plain.cell.python and one.cell.ray == plain.cell.ray:
        yield "other python"


def _is_plain(planned: PlannedBuild) -> bool:
    return planned.build.cell.device == "cpu" and not planned.build.cell.rllib
