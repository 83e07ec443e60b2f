"""One BuildKit solve a step.

The engine's own builder is used (the ``docker`` driver): a step is FROM its parent's local tag, and
BuildKit shares work between solves that run at the same time.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from factory.build.client import BUILDX, Asked, Client, Log
from factory.build.code import with_code
from factory.build.solve import Solve
from factory.build.sources import PackageSources, hiding
from factory.context import Contents, stage
from factory.dockerfile import PROXIES, through_proxies
from factory.gather import Gathered
from factory.model import KEY_LABEL, MAIN, Built, Step

_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_AT_ONCE = 8
"""The most that go in one bake; lanes let through fewer. Of 4 to 48 at a time, all cached, so many
were its quickest (docs/benchmarks.md)."""


@dataclass(kw_only=True)
class Builder:
    """Builds steps.

    Attributes:
        root: the project's root.
        contents: the project's files, as they were digested.
        work: where rendered Dockerfiles are written.
        sources: the host's package sources.
        builder: the name of the buildx builder: that of the Docker context in use.
        buildx: the program that builds.
        compression: of layers (``zstd``), or ``None`` for the engine's own. zstd takes a fifth of
            gzip's time, and needs the containerd image store.
        substituted_base: whether bases are stand-ins for ``rayproject/ray``, for the record.
        labels: volatile labels (revision, date) that are no part of any key.
    """

    root: Path
    contents: Contents
    work: Path
    sources: PackageSources
    builder: str = "default"
    buildx: tuple[str, ...] = BUILDX
    compression: str | None = None
    substituted_base: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._client = Client(buildx=self.buildx, builder=self.builder)
        self._bake = Gathered(self._client.bake, most=_AT_ONCE)

    def build(self, step: Step, *, rootfs: Path | None, reason: str, log: Log) -> Built:
        """Build one step and tag it ``step.ref``; its parent must be there.

        Args:
            rootfs: the folder with ``rootfs.tar``, for a base.
            reason: why it is built, for the record.
            log: gets BuildKit's plain progress, line by line, without what is secret.

        Raises:
            BuildError: it failed; the error has the last lines.
            MachineError: code that wants a token cannot be fetched.
        """
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="factory-") as temporary:
            asked = self._asked(step, rootfs, Path(temporary), log)
            # A step of another kind may take long, and would keep those waiting that go with it.
            together = step.kind == "app" and not step.secrets
            metadata = (self._bake(asked) if together else None) or self._client.build(asked)
        return Built(
            key=step.key,
            ref=step.ref,
            image_id=metadata["containerimage.digest"],
            config_digest=metadata["containerimage.config.digest"],
            substituted_base=self.substituted_base,
            reason=reason,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - started, 3),
        )

    def _staged(self, step: Step, scratch: Path) -> dict[str, Path]:
        """A private copy of what the step reads of each context, as it was when it was digested:
        the key must be that of what is built, even while somebody edits the project."""
        staged = {MAIN: scratch / "context"}
        staged[MAIN].mkdir()
        folders = dict(step.contexts)
        for read in step.reads:
            folder = folders[read.context]
            tree = self.contents.tree(folder, read.path, where=step.label)
            target = staged.setdefault(read.context, scratch / f"context-{read.context}")
            stage(self.root / folder, tree, target)
        return staged

    def _asked(self, step: Step, rootfs: Path | None, scratch: Path, log: Log) -> Asked:
        where = write_dockerfile(step, self.work)  # for people; the build reads one of its own
        own = [os.environ.get(variable, "") for _, variable in step.secrets]
        step, code = with_code(step, scratch / "code")
        script = self.sources.proxy_script()
        told = through_proxies(step.dockerfile) if script else None
        proxies = {PROXIES: script} if script and told else {}
        step = replace(step, dockerfile=told or step.dockerfile)
        contexts = self._staged(step, scratch) | code | ({MAIN: rootfs} if rootfs else {})
        main = contexts.pop(MAIN)
        if self.sources.find_links:
            contexts["packages"] = one_folder(self.sources.find_links, scratch)
        solve = Solve(
            name=_UNFIT.sub("-", where.parent.name),
            dockerfile=write_dockerfile(step, scratch),
            context=main,
            contexts=contexts,
            variables=() if proxies else tuple(name for name, _ in self.sources.proxies),
            secrets=tuple(self._secrets(step, scratch, proxies)),
            labels={KEY_LABEL: step.key, **self.labels},
            output=self._output(step),
        )
        asked = Asked(
            solve=solve,
            label=step.label,
            where=str(where.relative_to(self.root)),
            hide=hiding([*self.sources.secrets(), *own]),
            log=log,
        )
        return self._with_ray_commit(asked, scratch) if step.rootfs else asked

    def _output(self, step: Step) -> str:
        # zstd layers exist only in OCI manifests: in Docker's own, no engine can pull them.
        oci = f",compression={self.compression},oci-mediatypes=true" if self.compression else ""
        return f"type=image,name={step.ref}{oci}"

    def _secrets(self, step: Step, scratch: Path, more: Mapping[str, str]) -> Iterator[str]:
        texts = {
            "pip": self.sources.pip_conf(),
            "uv": self.sources.uv_toml(),
            "apt": self.sources.apt_script(),
            **more,
        }
        for name, text in texts.items():
            file = scratch / name
            file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")
            yield f"id={name},src={file}"
        for name, variable in step.secrets:
            yield f"id={name},env={variable}"
        if self.sources.ca:
            yield f"id=ca,src={self.sources.ca}"

    def _with_ray_commit(self, asked: Asked, scratch: Path) -> Asked:
        """The same, labelled with the commit that its Ray is of, which is asked first."""
        facts = scratch / "facts"
        question = replace(asked.solve, stage="facts", output=f"type=local,dest={facts}", labels={})
        self._client.build(replace(asked, solve=question))
        commit = (facts / "ray-commit").read_text(encoding="ascii").strip()
        labels = {**asked.solve.labels, "io.ray.ray-commit": commit}
        return replace(asked, solve=replace(asked.solve, labels=labels))


def one_folder(folders: Sequence[Path], scratch: Path) -> Path:
    """One folder with all wheels: the only one there is, or, in ``scratch``, links to those of
    several, of which earlier ones go before."""
    if len(folders) == 1:
        return folders[0]
    merged = scratch / "wheels"
    merged.mkdir(exist_ok=True)
    for folder in folders:
        for file in folder.iterdir():
            if file.is_file() and not (merged / file.name).exists():
                _link_or_copy(file, merged / file.name)
    return merged


def write_dockerfile(step: Step, work: Path) -> Path:
    """Write a step's Dockerfile to a folder of its own."""
    folder = work / f"{step.name}-{step.key[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(step.dockerfile, encoding="utf-8")
    # What may be read was decided when it was digested; a .dockerignore in there changes nothing.
    Path(f"{dockerfile}.dockerignore").write_text("", encoding="utf-8")
    return dockerfile


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        target.write_bytes(source.read_bytes())
