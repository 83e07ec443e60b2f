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
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from factory import process
from factory.errors import ScanError
from factory.locks import hold
from factory.process import Completed, ProcessFailed
from factory.scan import report
from factory.trivy import Trivy

_MINUTES = 30
_BUSY_SECONDS = 120.0
_JARS = "**/*.jar,**/*.war,**/*.ear,**/*.par"
_QUIETLY = ("--timeout", f"{_MINUTES}m", "--offline-scan", "--skip-java-db-update", "--no-progress")


def configuration(tool: Trivy, work: Path, dockerfile: str) -> Mapping[str, Any]:
    """Trivy's report on an image configuration given as a Dockerfile.

    Raises:
        ScanError: Trivy failed.
    """
    folder = work / "configuration"
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile, "utf-8")
    argv = [tool.path, "config", "--misconfig-scanners", "dockerfile", "--skip-check-update"]
    return _report(_trivy([*argv, "--cache-dir", str(work), "--format", "json", "."], folder))


def image(tool: Trivy, home: Path, work: Path, archive: Path) -> tuple[Path, Path, bool]:
    """Trivy's report on the secrets in an archive, its bill of materials (CycloneDX), and whether
    Java archives had to be left out of that.

    Java archives are told apart by a database of their own, which is not fetched; only Trivy can
    tell whether an image has any, by failing on them.

    Raises:
        ScanError: Trivy failed.
        Interrupted: the run was cancelled while waiting.
    """
    empty = work / "empty"
    empty.mkdir()
    (work / "secrets.yaml").write_bytes(_rules())
    secrets, sbom = work / "secrets.json", work / "sbom.cdx.json"
    of_image = [tool.path, "image", "--input", str(archive), "--cache-dir", str(home), *_QUIETLY]
    materials = [*of_image, "--format", "cyclonedx", "--output", str(sbom)]
    with hold(home / ".lock"):
        _succeeded(
            _patiently([*of_image, *_for_secrets(work), "--output", str(secrets)], empty, home)
        )
        done = _patiently(materials, empty, home)
        java = bool(done.code) and _wants_java(done)
        if java:
            done = _patiently([*materials, "--skip-files", _JARS], empty, home)
    _succeeded(done)
    return secrets, sbom, java


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
    with tempfile.TemporaryDirectory(prefix="factory-") as folder:
        return _report(_trivy(argv, Path(folder)))


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
        return process.run(argv, env=env, cwd=cwd, timeout=_MINUTES * 60 + 30, check=False)
    except ProcessFailed as error:
        raise ScanError(
            f"Trivy did not end within {_MINUTES} minutes",
            todo="make the image smaller, or scan it on a machine that is less busy",
        ) from error


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


def _wants_java(done: Completed) -> bool:
    return "java" in done.stderr.lower()


def _rules() -> bytes:
    return resources.files("factory.scan").joinpath("secrets.yaml").read_bytes()
