"""The steps of a plan as targets of one bake file.

What a step is FROM is a named context, not a tag: so that a parent is built with its children and
need not be in any image store. https://docs.docker.com/build/bake/reference/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from factory.dockerfile import PROXIES, through_proxies
from factory.model import KEY_LABEL, MAIN, PLATFORM, Plan, Rootfs, Step
from factory.text import for_bake

_PACKAGES = "packages"
"""Its target and its context; steps' targets have a part of a key in their names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """Where a build finds what is in no Dockerfile; paths as bake is to take them.

    Attributes:
        nothing: an empty folder.
        rootfs: the folders of root file systems.
        packages: a folder with wheels, or ``None``.
        secrets: id to file, for every step.
        proxies: names of variables that builds get the values of, unless a secret tells of them.
    """

    nothing: str
    rootfs: Mapping[Rootfs, str]
    packages: str | None = None
    secrets: Mapping[str, str]
    proxies: tuple[str, ...] = ()


def document(plan: Plan, around: Surroundings) -> dict[str, Any]:
    """The content of a bake file, fit for JSON. Its default group is all builds of the plan.

    A build is tagged ``image:cell-key``; what it stands on has no tag. No secret is in it: files
    and variables with secrets are named.
    """
    tags: dict[str, list[str]] = {}
    for planned in plan.builds:
        name = f"{planned.build.image}:{planned.immutable}"
        tags.setdefault(planned.key, []).append(name)
    steps = {
        _name(step): _target(step, plan, around, tags.get(key, []))
        for key, step in plan.steps.items()
    }
    return {
        "group": {"default": {"targets": [_name(plan.steps[key]) for key in tags]}},
        "target": steps | ({_PACKAGES: _wheels(around.packages)} if around.packages else {}),
    }


def _wheels(folder: str) -> dict[str, Any]:
    """The host's wheels as a target of their own: as a folder, bake would send them to BuildKit for
    each target anew, all at once, which it does not survive where targets or wheels are many."""
    return {
        "context": for_bake(folder),
        "dockerfile-inline": "FROM scratch\nCOPY . /\n",
        "output": ["type=cacheonly"],
    }


def _target(step: Step, plan: Plan, around: Surroundings, tags: list[str]) -> dict[str, Any]:
    folders = dict(step.contexts)
    main = around.rootfs[step.rootfs] if step.rootfs else folders.pop(MAIN, around.nothing)
    parent = plan.steps[step.parent] if step.parent else None
    told = through_proxies(step.dockerfile) if PROXIES in around.secrets else None
    contexts = {
        **({parent.ref: f"target:{_name(parent)}"} if parent else {}),
        **({_PACKAGES: f"target:{_PACKAGES}"} if around.packages else {}),
        **folders,
    }
    return {
        "context": for_bake(main),
        "contexts": {name: for_bake(folder) for name, folder in contexts.items()},
        "dockerfile-inline": for_bake(told or step.dockerfile),
        "args": {} if told else dict.fromkeys(around.proxies),
        "labels": {KEY_LABEL: step.key},
        "platforms": [PLATFORM],
        "secret": [for_bake(secret) for secret in _secrets(step, around)],
        "tags": tags,
        # Said in so many words: where bake is told to load nothing by itself
        # (BUILDX_NO_DEFAULT_LOAD), builds are loaded all the same, and steps are not.
        "output": ["type=docker"] if tags else ["type=cacheonly"],
    }


def _secrets(step: Step, around: Surroundings) -> Iterator[str]:
    for name, file in around.secrets.items():
        yield f"id={name},src={file}"
    for name, variable in step.secrets:
        yield f"id={name},env={variable}"


def _name(step: Step) -> str:
    """Of its target: bake allows letters, digits, ``_`` and ``-``."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", f"{step.name}-{step.key[:12]}")
