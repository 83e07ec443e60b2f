"""Trivy's command lines, and the lock around its cache.

Trivy keeps what it found in each layer in a file that one process may hold at a time, and gives up
after five seconds of waiting. A lock of ours queues the scans instead. That is faster than a cache
for each: images of one family share their large layers, which are then read once, and Trivy uses
all cores by itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from factory import process
from factory.errors import MachineError, ScanError
from factory.locks import hold
from factory.process import Completed, ProcessFailed
from factory.scan import report
from factory.trivy import Trivy

_MINUTES = 30
_BUSY_SECONDS = 120.0
_CORES = threading.BoundedSemaphore(os.cpu_count() or 1)
"""Of those that may run at once, no more do than can: each has the database in memory."""
_JARS = "**/*.jar,**/*.war,**/*.ear,**/*.par"
_QUIETLY = ("--timeout", f"{_MINUTES}m", "--offline-scan", "--skip-java-db-update", "--no-progress")


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """Trivy's report on the secrets in an image, and its bill of materials (CycloneDX)."""

    document: Mapping[str, Any]
    bill: bytes


class Reader:
    """Reads the images of an OCI layout, one after the other."""

    def __init__(self, tool: Trivy, home: Path, work: Path, *, java: bool) -> None:
        """Args:
        home: Trivy's cache; what it found in a layer is there, by the layer's diff id.
        work: a folder for what passes between us.
        java: whether Java archives can be told apart, by a database of their own. They are left
            out otherwise: Trivy fails on an image that has some.
        """
        self._tool, self._home, self._work, self._java = tool, home, work, java
        (work / "empty").mkdir()
        (work / "secrets.yaml").write_bytes(_rules())

    def read(self, name: str) -> Read:
        """What is in the image that Trivy knows by this name, ``FOLDER@sha256:…``.

        Raises:
            ScanError: Trivy failed.
            Interrupted: the run was cancelled while waiting.
        """
        of_image = [self._tool.path, "image", "--input", name, "--cache-dir", str(self._home)]
        materials = ["--format", "cyclonedx", *(() if self._java else ("--skip-files", _JARS))]
        with hold(self._home / ".lock"):
            secrets = self._written([*of_image, *_QUIETLY, *_for_secrets(self._work)])
            bill = self._written([*of_image, *_QUIETLY, *materials])
        return Read(document=report.parse(secrets.decode("utf-8", "replace")), bill=bill)

    def configurations(self, dockerfiles: Sequence[str]) -> list[Mapping[str, Any]]:
        """Trivy's reports on image configurations given as Dockerfiles: it takes it a second to
        read its rules, and next to nothing to judge one by them.

        Raises:
            ScanError: Trivy failed.
        """
        argv = [self._tool.path, "config", "--misconfig-scanners", "dockerfile"]
        with _scratch() as folder:
            judged = folder / "judged"
            for at, text in enumerate(dockerfiles):
                (judged / str(at)).mkdir(parents=True)
                (judged / str(at) / "Dockerfile").write_text(text, "utf-8")
            flags = ["--skip-check-update", "--cache-dir", str(folder), "--format", "json", "."]
            found = _report(_trivy([*argv, *flags], judged))
        return [report.of_target(found, f"{at}/Dockerfile") for at in range(len(dockerfiles))]

    def _written(self, argv: list[str]) -> bytes:
        """What Trivy writes: to a file, since it is some megabytes, and lines of it are no news."""
        file = self._work / "written"
        _succeeded(_patiently([*argv, "--output", str(file)], self._work / "empty", self._home))
        return file.read_bytes()


def _for_secrets(work: Path) -> list[str]:
    return [
        *("--format", "json"),
        *("--scanners", "secret"),
        *("--image-config-scanners", "secret"),
        *("--secret-config", str(work / "secrets.yaml")),
    ]


def vulnerabilities(tool: Trivy, home: Path, sbom: Path) -> Mapping[str, Any]:
    """Trivy's report on a bill of materials by the database in its folder. Several may be asked for
    at once: nothing is written.

    Raises:
        ScanError: Trivy failed, as it does on a database that is damaged.
    """
    argv = [
        tool.path,
        "sbom",
        str(sbom),
        *("--cache-dir", str(home)),
        *("--format", "json"),
        "--offline-scan",
        "--skip-db-update",
        "--skip-java-db-update",
    ]
    with _CORES, _scratch() as folder:
        return _report(_trivy(argv, folder))


@contextmanager
def _scratch() -> Iterator[Path]:
    """A temporary folder.

    Raises:
        MachineError: there is no room for what is written in it.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="factory-") as folder:
            yield Path(folder)
    except OSError as error:
        raise MachineError(
            f"there is no room for temporary files: {error.strerror}",
            where=tempfile.gettempdir(),
            todo="free some space there, or name another folder as TMPDIR",
        ) from error


def _patiently(argv: list[str], cwd: Path, home: Path) -> Completed:
    """Run, again if a Trivy orphaned by a killed run still holds the cache, and once more without
    the cache if that is damaged: all in it can be found again."""
    deadline = time.monotonic() + _BUSY_SECONDS
    done = _trivy(argv, cwd)
    while done.code and "cache may be in use" in done.stderr and time.monotonic() < deadline:
        done = _trivy(argv, cwd)
    if done.code and "unable to open cache DB" in done.stderr:
        shutil.rmtree(home / "fanal", ignore_errors=True)
        done = _trivy(argv, cwd)
    return done


def _trivy(argv: list[str], cwd: Path) -> Completed:
    """From an empty folder and with blank options, so that no ``trivy.yaml``, ``.trivyignore`` or
    variable of the user's bends the judgement; options that old releases lack go as variables."""
    env = {name: "" for name in os.environ if name.startswith("TRIVY_")}
    env |= {"TRIVY_SKIP_VERSION_CHECK": "true", "TRIVY_DISABLE_TELEMETRY": "true"}
    env |= {"TMPDIR": str(cwd.parent)}
    try:
        return process.run(
            [*_behind_others(), *argv], env=env, cwd=cwd, timeout=_MINUTES * 60 + 30, check=False
        )
    except ProcessFailed as error:
        raise ScanError(
            f"Trivy did not end within {_MINUTES} minutes",
            todo="make the image smaller, or scan it on a machine that is less busy",
        ) from error


@cache
def _behind_others() -> tuple[str, ...]:
    """By which a program takes what the clusters that boot meanwhile leave of the processor: Ray
    gives up on itself after 30 seconds, and a scan that takes longer is none the worse."""
    found = shutil.which("nice")
    return (found, "-n", "10") if found else ()


def _report(done: Completed) -> Mapping[str, Any]:
    _succeeded(done)
    return report.parse(done.stdout)


def _succeeded(done: Completed) -> None:
    if done.code:
        # of the two streams only this one: the report itself quotes what surrounds a secret
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise ScanError(
            f"Trivy ended with {done.code} and judged nothing",
            todo="see its last lines above; `invoke doctor` tells which Trivy this is",
            detail=[report.printable(line) for line in said[-5:]],
        )


def _rules() -> bytes:
    return resources.files("factory.scan").joinpath("secrets.yaml").read_bytes()
