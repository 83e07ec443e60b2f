"""The scan gate: Trivy over one image of the engine, and the verdict."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from factory import trivy as trivy_tool
from factory.model import NO_DATABASE, Gate, ScanPolicy, Status, Verdict
from factory.scan import archive, database, report, runner
from factory.scan.policy import judge, status_of
from factory.trivy import Trivy, cached_database

Log = Callable[[str], None]


def scan(ref: str, *, config_digest: str, policy: ScanPolicy, cache: Path, log: Log) -> Verdict:
    """Judge one image of the engine. Safe to call from several threads and processes at once.

    Args:
        ref: the image's tag in the engine.
        config_digest: what the tag must lead to; the verdict is bound to it.
        cache: the factory's cache folder; Trivy's own files live in ``trivy/`` under it.
        log: told each step, in a line; never a secret's text.

    Raises:
        ScanError: the image is another one, is gone, or Trivy could not judge it.
        MachineError: there is no engine, no Trivy, or a trojaned one.
        Interrupted: the run was cancelled.
    """
    started = time.monotonic()
    tool, home = trivy_tool.locate(), trivy_tool.home(cache)
    found, why = database.obtain(tool, home, policy.database_max_age_days, log)
    with archive.workspace(home / "work") as work:
        findings = _examine(ref, config_digest, tool, home, work, found is not None, log)
    checks = judge(findings, policy, why)
    status = status_of(checks)
    log(status.value + "".join(f"; {one.reason}" for one in checks if one.reason))
    return Verdict(
        gate=Gate.SCAN,
        config_digest=config_digest,
        basis=basis(policy, tool.version, found.version if found else ""),
        status=status,
        partial=(NO_DATABASE,) if status is Status.PARTIAL else (),
        checks=checks,
        seconds=time.monotonic() - started,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def basis(policy: ScanPolicy, trivy_version: str, database_version: str) -> str:
    """Digest of all that a verdict rests on besides the image."""
    return basis_of(parts(policy, trivy_version, database_version))


def parts(policy: ScanPolicy, trivy_version: str, database_version: str) -> dict[str, Any]:
    """All that a verdict rests on besides the image, by name: the policy, Trivy's release, the
    database (empty if there was none), and the code of this room. JSON can hold it."""
    settings = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(policy).items()
    }
    return {
        "policy": settings,
        "trivy": trivy_version,
        "database": database_version,
        "code": _code(),
    }


def basis_of(parts: Mapping[str, Any]) -> str:
    """The digest of what ``parts`` gives."""
    listed = json.dumps(list(parts.values()), sort_keys=True)
    return f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}"


def current_basis(policy: ScanPolicy, cache: Path) -> str:
    """The basis that a scan would have now: a verdict on any other is out of date.

    Raises:
        MachineError: there is no Trivy, or a trojaned one.
    """
    return basis_of(current_parts(policy, cache))


def current_parts(policy: ScanPolicy, cache: Path) -> dict[str, Any]:
    """What a scan would rest on now, found without the network and without starting Trivy.

    Raises:
        MachineError: there is no Trivy, or a trojaned one.
    """
    now = datetime.now(UTC)
    found = cached_database(trivy_tool.home(cache), policy.database_max_age_days, now)
    return parts(policy, trivy_tool.locate().version, found.version if found else "")


@lru_cache(maxsize=1)
def _code() -> str:
    files = sorted(path for path in Path(__file__).parent.iterdir() if path.is_file())
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _examine(
    ref: str,
    config_digest: str,
    tool: Trivy,
    home: Path,
    work: Path,
    with_database: bool,
    log: Log,
) -> report.Report:
    image = work / "image.tar"
    log("taking the image out of the engine")
    archive.save(ref, image)
    text = archive.dockerfile(archive.configuration(image, config_digest))
    log("scanning")
    misconfigurations = report.misconfigurations(runner.configuration(tool, work, text))
    document, java_skipped = runner.image(tool, home, work, image, with_database)
    if report.image_id(document) != config_digest:
        raise archive.other_image(report.image_id(document), config_digest)
    found = report.Report(
        secrets=report.secrets(document),
        misconfigurations=misconfigurations,
        system=report.system(document),
        java_skipped=java_skipped,
    )
    if not with_database:
        return found
    return replace(found, vulnerabilities=report.vulnerabilities(document))
