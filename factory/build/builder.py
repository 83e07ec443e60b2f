"""One BuildKit solve a step, through ``docker buildx build``.

The engine's own builder is used (the ``docker`` driver): a step is FROM its parent's local tag, and
BuildKit shares work between solves that run at the same time.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from factory import process
from factory.build.sources import PackageSources, hiding
from factory.context import Contents, stage
from factory.errors import BuildError
from factory.model import KEY_LABEL, MAIN, PLATFORM, Built, Step

Log = Callable[[str], None]
_SECONDS = 3600
_TAIL = 60
_SHOWN = 16
_OUR_SETTING = "`native-tls`"
"""What newer uvs warn of, and older ones know by no other name."""

_EXITED = "did not complete successfully"
BUILDX = ("docker", "buildx")
_QUIET = {"BUILDX_GIT_INFO": "0", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_BUILDER": ""}


@dataclass(frozen=True, kw_only=True)
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

    def build(self, step: Step, *, rootfs: Path | None, reason: str, log: Log) -> Built:
        """Build one step and tag it ``step.ref``; its parent must be there.

        Args:
            rootfs: the folder with ``rootfs.tar``, for a base.
            reason: why it is built, for the record.
            log: gets BuildKit's plain progress, line by line, without what is secret.

        Raises:
            BuildError: it failed; the error has the last lines.
        """
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="factory-") as temporary:
            scratch = Path(temporary)
            contexts = self._staged(step, scratch)
            contexts |= {MAIN: rootfs} if rootfs else {}
            argv = [*self._argv(step, contexts, scratch), *self._secrets(step, scratch)]
            labels = {KEY_LABEL: step.key, **self.labels}
            if step.rootfs:
                labels["io.ray.ray-commit"] = self._ray_commit(step, argv, scratch, log)
            metadata = self._solve(step, argv, labels, scratch, log)
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

    def _argv(self, step: Step, contexts: Mapping[str, Path], scratch: Path) -> list[str]:
        write_dockerfile(step, self.work)  # for people; the build reads one of its own
        dockerfile = write_dockerfile(step, scratch)
        argv = [
            *self.buildx,
            "build",
            "--builder",
            self.builder,
            "--progress=plain",
            f"--platform={PLATFORM}",
            "--provenance=false",
            "--file",
            str(dockerfile),
        ]
        for name, _ in self.sources.proxies:
            argv += ["--build-arg", name]  # its value comes from the environment, not from argv
        if self.sources.find_links:
            argv += ["--build-context", f"packages={one_folder(self.sources.find_links, scratch)}"]
        for name, folder in contexts.items():
            argv += ["--build-context", f"{name}={folder}"] if name else []
        return [*argv, str(contexts[MAIN])]

    def _secrets(self, step: Step, scratch: Path) -> list[str]:
        texts = {
            "pip": self.sources.pip_conf(),
            "uv": self.sources.uv_toml(),
            "apt": self.sources.apt_script(),
        }
        argv = []
        for name, text in texts.items():
            file = scratch / name
            file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")
            argv += ["--secret", f"id={name},src={file}"]
        for name, variable in step.secrets:
            argv += ["--secret", f"id={name},env={variable}"]
        if self.sources.ca:
            argv += ["--secret", f"id=ca,src={self.sources.ca}"]
        return argv

    def _ray_commit(self, step: Step, argv: list[str], scratch: Path, log: Log) -> str:
        facts = scratch / "facts"
        self._run(
            step, [*argv, "--target=facts", f"--output=type=local,dest={facts}"], scratch, log
        )
        return (facts / "ray-commit").read_text(encoding="ascii").strip()

    def _solve(
        self, step: Step, argv: list[str], labels: Mapping[str, str], scratch: Path, log: Log
    ) -> Mapping[str, str]:
        metadata = scratch / "metadata.json"
        flags = [f"--label={name}={value}" for name, value in labels.items()]
        output = f"--output=type=image,name={step.ref}"
        # zstd layers exist only in OCI manifests: in Docker's own, no engine can pull them.
        oci = f",compression={self.compression},oci-mediatypes=true"
        output += oci if self.compression else ""
        self._run(step, [*argv, *flags, output, f"--metadata-file={metadata}"], scratch, log)
        written: dict[str, str] = json.loads(metadata.read_text(encoding="utf-8"))
        return written

    def _run(self, step: Step, argv: list[str], scratch: Path, log: Log) -> None:
        last: deque[str] = deque(maxlen=_TAIL)
        env = {**_QUIET, "TMPDIR": str(scratch)}  # buildx leaves a folder behind for each build
        own = (os.environ.get(variable, "") for _, variable in step.secrets)
        hide = hiding([*self.sources.secrets(), *own])

        def line(text: str) -> None:
            shown = hide(text)
            last.append(shown)
            log(shown)

        try:
            process.run(argv, env=env, timeout=_SECONDS, on_line=line)
        except process.ProcessFailed as error:
            how = "took longer than an hour" if error.timed_out else "failed"
            raise BuildError(
                f"step {step.label} {how}",
                where=str(write_dockerfile(step, self.work).relative_to(self.root)),
                todo="mend what its last lines say; all of them are in .factory/logs/",
                detail=_telling(last),
            ) from error


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


def _telling(lines: Iterable[str]) -> list[str]:
    """What the failing instruction said: BuildKit repeats it between two rules at the end, before
    it prints the Dockerfile once more. Where no program failed, such as a fetch from git, why it
    failed is in the very last line alone."""
    said = [line for line in lines if line.strip() and _OUR_SETTING not in line]
    rules = [at for at, line in enumerate(said) if set(line) == {"-"}]
    if len(rules) < 2:
        return said[-_SHOWN:]
    told = [line for line in said[rules[0] + 1 : rules[1]] if not line.startswith(" > [")]
    why = [line for line in said[rules[1] :] if line.startswith("ERROR: ") and _EXITED not in line]
    return [*told, *why][-_SHOWN:]


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        target.write_bytes(source.read_bytes())
