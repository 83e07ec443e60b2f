"""A release without the factory: a careful person's shell loop, one command after another.

    for each build:
        for each of its Dockerfiles that is not built yet:  docker buildx build
        trivy image
        docker compose up --wait; the checks in one script; docker compose down
    for each pair:  the same, with the one's head and the other's workers
    for each build and each of its tags:  docker tag; docker push

The commands are all in this file. Where a choice had to be made, it is the one that is quicker for
this script: a shared Dockerfile is built once instead of being found in the cache, Trivy keeps its
cache between images, and there is neither a ledger nor anything read back. Layers are compressed as
Docker does by default.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import minimum, requests
from benchmarks.tree import Tree
from factory import process, scan, trivy
from factory.build import PackageSources, write_dockerfile
from factory.errors import FactoryError
from factory.model import MAIN, PlannedBuild, Step
from factory.pipeline import Prepared
from factory.verify import ClusterRequest

Say = Callable[[str], None]
Timing = tuple[str, str, float]
"""What was done (build, scan, verify, down, publish), to what, in how many seconds."""

_SECONDS = 3600
_RULES = Path(scan.__file__).with_name("secrets.yaml")


def trivy_image(ref: str, cache: Path, report: Path) -> list[str]:
    """The command by which a shell script has Trivy judge an image of the engine as the gate does.

    Args:
        cache: Trivy's, with its databases.
    """
    java = (cache / "java-db").is_dir()
    return [
        trivy.locate().path, "image",
        "--cache-dir", str(cache),
        "--scanners", "secret,vuln" if (cache / "db").is_dir() else "secret",
        "--image-config-scanners", "secret,misconfig",
        "--secret-config", str(_RULES),
        "--image-src", "docker",
        "--offline-scan", "--skip-db-update", "--skip-java-db-update", "--skip-check-update",
        *(() if java else ("--skip-files", "**/*.jar")),
        "--no-progress", "--timeout", "30m",
        "--format", "json", "--output", str(report),
        ref,
    ]  # fmt: skip  # one option and its value a line


@dataclass(kw_only=True)
class Script:
    """The loop, and what its commands need.

    Attributes:
        sources: where this machine's packages come from.
        cache: Trivy's.
        scratch: an empty folder.
    """

    tree: Tree
    prepared: Prepared
    sources: PackageSources
    cache: Path
    scratch: Path
    say: Say
    timings: list[Timing] = field(default_factory=list)

    def ready(self) -> None:
        """Write Dockerfiles and package sources; no part of what is timed."""
        for step in self.prepared.plan.steps.values():
            write_dockerfile(step, self.scratch)
        texts = {
            "pip": self.sources.pip_conf(),
            "uv": self.sources.uv_toml(),
            "apt": self.sources.apt_script(),
        }
        for name, text in texts.items():
            (self.scratch / name).touch(mode=0o600)
            (self.scratch / name).write_text(text, "utf-8")
        (self.scratch / "nothing").mkdir()
        for folder in reversed(self.sources.find_links):
            shutil.copytree(folder, self.scratch / "wheels", dirs_exist_ok=True)

    def run(self) -> tuple[Timing, ...]:
        """Release everything.

        Raises:
            FactoryError: a command failed, or an image did not pass.
        """
        steps, built = self.prepared.plan.steps, set[str]()
        for planned in self.prepared.plan.builds:
            for key in planned.steps:
                if key not in built:
                    with self._timed("build", steps[key].label):
                        self._do(self._build(steps[key]))
                    built.add(key)
            ref = steps[planned.key].ref
            with self._timed("scan", planned.build.id):
                self._do(trivy_image(ref, self.cache, self.scratch / "report.json"))
            self._verify(planned.build.id, self._request(planned, ref))
        self._verify_pairs()
        for planned in self.prepared.plan.builds:
            self._publish(planned)
        return tuple(self.timings)

    def _request(self, planned: PlannedBuild, ref: str) -> ClusterRequest:
        return requests.request_of(self.tree.settings, self.prepared.project, planned, ref)

    def _build(self, step: Step) -> list[str]:
        dockerfile = write_dockerfile(step, self.scratch)
        argv = ["docker", "buildx", "build", "--file", str(dockerfile), "--tag", step.ref]
        argv += ["--provenance=false"]  # else each tag is an index, with more to write and to push
        for name in ("pip", "uv", "apt"):
            argv += ["--secret", f"id={name},src={self.scratch / name}"]
        for name, variable in step.secrets:
            argv += ["--secret", f"id={name},env={variable}"]
        if self.sources.ca:
            argv += ["--secret", f"id=ca,src={self.sources.ca}"]
        for name, _ in self.sources.proxies:
            argv += ["--build-arg", name]
        if self.sources.find_links:
            argv += ["--build-context", f"packages={self.scratch / 'wheels'}"]
        folders = {name: self.tree.settings.root / folder for name, folder in step.contexts}
        for name in filter(None, folders):
            argv += ["--build-context", f"{name}={folders[name]}"]
        nothing = self.scratch / "nothing"
        main = self.tree.rootfs(step.rootfs) if step.rootfs else folders.get(MAIN, nothing)
        return [*argv, str(main)]

    def _verify_pairs(self) -> None:
        plan = self.prepared.plan
        refs = {one.build: plan.steps[one.key].ref for one in plan.builds}
        for pair in (one for one in plan.pairs if not one.refused):
            head = next(one for one in plan.builds if one.build == pair.head)
            request = requests.pair_request_of(
                self.tree.settings,
                self.prepared.project,
                pair,
                head,
                (refs[pair.head], refs[pair.workers]),
            )
            self._verify(pair.id, request)

    def _verify(self, subject: str, request: ClusterRequest) -> None:
        took = minimum.verify(self.tree, request)
        self._note("verify", subject, took.seconds - took.down_seconds)
        self._note("down", subject, took.down_seconds)

    def _publish(self, planned: PlannedBuild) -> None:
        ref = self.prepared.plan.steps[planned.key].ref
        with self._timed("publish", planned.build.id):
            for name in self._names(planned):
                self._do(["docker", "tag", ref, name])
                self._do(["docker", "push", "--quiet", name])

    def _names(self, planned: PlannedBuild) -> Iterator[str]:
        for target in self.prepared.project.matrix.targets:
            for tag in (planned.immutable, *planned.floating):
                yield f"{target.repository(planned.build.image)}:{tag}"

    def _do(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        stdin: bytes | None = None,
        shielded: bool = False,
    ) -> process.Completed:
        blank = {name: "" for name in os.environ if name.startswith(("TRIVY_", "BUILDX_"))}
        try:
            return process.run(
                argv, env=blank | dict(env or {}), stdin=stdin, timeout=_SECONDS, shielded=shielded
            )
        except process.ProcessFailed as error:
            raise FactoryError(
                f"the serial script broke off: {error}", detail=error.completed.tail
            ) from error

    @contextmanager
    def _timed(self, verb: str, subject: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._note(verb, subject, time.monotonic() - started)

    def _note(self, verb: str, subject: str, seconds: float) -> None:
        self.timings.append((verb, subject, seconds))
        self.say(f"serial: {verb} {subject} {seconds:.1f} s")
