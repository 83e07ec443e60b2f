"""BuildKit as the judge: what images of a project come out as, from its folders as they are.

Nothing of what the factory derives is used but the rendered Dockerfiles: each folder is handed to
BuildKit whole, with its own ``.dockerignore``. What the network would give comes from folders too.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.identity.image import Result, read
from benchmarks.identity.sample import LEFT_OUT, RAY, SHARED, Sample, folder_of
from benchmarks.identity.tree import write
from factory import process
from factory.context import Contents, stage
from factory.model import MAIN, Plan, Step

_ENV = {
    "BUILDX_BUILDER": "",  # the engine's own
    "BUILDX_GIT_INFO": "0",
    "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    "BUILDX_NO_DEFAULT_LOAD": "1",  # else the engine keeps an image without a name of each step
}
_SECONDS = 900
_LIBRARY = re.compile(r"(/\S+) \(0x")
Target = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Side:
    """A project as it is at some time, and whose folders its images are made from.

    Attributes:
        name: used once in a bake.
        contexts: of a step, by name.
    """

    name: str
    sample: Sample
    plan: Plan
    contexts: Mapping[str, Mapping[str, Path]]

    @classmethod
    def raw(cls, name: str, sample: Sample, plan: Plan, root: Path) -> Side:
        """From whole folders, as a checkout of their commit would have them."""
        root.mkdir()
        write(_checked_out(sample), root)
        _freshen(root)
        contexts = {
            step.key: {MAIN: root / _folder(step), SHARED: root / SHARED}
            for step in plan.steps.values()
        }
        return cls(name=name, sample=sample, plan=plan, contexts=contexts)

    @classmethod
    def staged(cls, name: str, sample: Sample, plan: Plan, contents: Contents, root: Path) -> Side:
        """From the copies that the factory makes of what it found to be read."""
        contexts = {}
        for step in plan.steps.values():
            places = {MAIN: root / step.key / "main", SHARED: root / step.key / SHARED}
            for place in places.values():
                place.mkdir(parents=True)
            folders = dict(step.contexts)
            for each in step.reads:
                folder = folders[each.context]
                tree = contents.tree(folder, each.path, where=step.label)
                stage(contents.root / folder, tree, places[each.context])
            contexts[step.key] = places
        return cls(name=name, sample=sample, plan=plan, contexts=contexts)


def build(sides: Sequence[Side], work: Path) -> list[dict[str, Result]]:
    """Build all sides at once; for each, build id to its image.

    Raises:
        ProcessFailed: BuildKit refused, or took minutes.
    """
    targets: dict[str, Target] = {}
    wanted: dict[str, Path] = {}
    for side in sides:
        targets |= dict(_targets(side, work))
        for planned in side.plan.builds:
            name = _target_name(side, planned.key)
            wanted[name] = work / f"{name}.tar"
            targets[name]["output"] = [f"type=oci,dest={wanted[name]},compression=uncompressed"]
    file = work / "bake.json"
    file.write_text(json.dumps({"target": targets}), encoding="utf-8")
    argv = ["docker", "buildx", "bake", "--file", str(file), "--progress=plain", *wanted]
    process.run(argv, env={**_ENV, "TMPDIR": str(work)}, timeout=_SECONDS, cwd=work)
    results = {name: read(archive) for name, archive in wanted.items()}
    return [
        {it.build.id: results[_target_name(side, it.key)] for it in side.plan.builds}
        for side in sides
    ]


def _checked_out(sample: Sample) -> Sample:
    """Without what the factory keeps from every build, and with the modes that git has."""
    kept = {
        path: replace(node, mode=0o755 if node.mode & 0o100 else 0o644)
        for path, node in sample.nodes.items()
        if not LEFT_OUT & set(path.split("/"))
    }
    return replace(sample, nodes=kept)


def _freshen(root: Path) -> None:
    """Give each file a time of its own: BuildKit takes one for another that it was sent before, of
    the same path, size and time. Folders get the usual mode."""
    for path in root.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
        else:
            os.utime(path, ns=(time.time_ns(),) * 2, follow_symlinks=False)


def _folder(step: Step) -> str:
    return folder_of(step.name) if step.kind == "app" else SHARED


def _target_name(side: Side, key: str) -> str:
    return f"{side.name}-{key[:12]}"


def _targets(side: Side, work: Path) -> Iterator[tuple[str, Target]]:
    names: dict[str, str] = {}
    for name, pinned in side.sample.pins.items():
        if "#" not in name:
            target, made = _content(name, pinned.content, side.sample.mark, work)
            # BuildKit looks for contexts by the short form of an image's name.
            names[f"{name.removeprefix('docker.io/')}@{pinned.pin}"] = f"target:{target}"
            yield target, made
    for step in side.plan.steps.values():
        target = _target_name(side, step.key)
        dockerfile = work / f"{target}.Dockerfile"
        dockerfile.write_text(step.dockerfile, encoding="utf-8")
        folders = side.contexts[step.key]
        used = {name: to for name, to in names.items() if name in step.dockerfile}
        if step.parent:
            parent = side.plan.steps[step.parent]
            used[parent.ref] = f"target:{_target_name(side, parent.key)}"
        yield (
            target,
            {
                "context": str(folders[MAIN]),
                "dockerfile": str(dockerfile),
                "contexts": {SHARED: str(folders[SHARED]), **used},
            },
        )


def _content(name: str, content: str, mark: str, work: Path) -> tuple[str, Target]:
    """What stands for an image on the network; bases bring a shell."""
    target = f"content-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    folder = work / target
    folder.mkdir(exist_ok=True)
    (folder / "version").write_text(content, encoding="utf-8")
    copied = "COPY version /\n"
    if name.startswith(RAY):
        shell(folder)
        copied = "COPY shell /\nCOPY version /\n"
    dockerfile = work / f"{target}.Dockerfile"
    dockerfile.write_text(f"FROM scratch AS content-{mark}\n{copied}", encoding="utf-8")
    return target, {"context": str(folder), "dockerfile": str(dockerfile)}


def shell(folder: Path) -> None:
    """This machine's ``sh`` and ``cat`` with their libraries, for RUN in images that have nothing
    else."""
    for program in ("/bin/sh", "/bin/cat"):
        for file in (program, *_libraries(program)):
            copy = folder / "shell" / file.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists():
                shutil.copyfile(file, copy)
                copy.chmod(0o755)


@lru_cache
def _libraries(program: str) -> tuple[str, ...]:
    return tuple(_LIBRARY.findall(process.run(["ldd", program]).stdout))
