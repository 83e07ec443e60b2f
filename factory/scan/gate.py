"""The scan gate: Trivy over one image of the engine, and the verdict."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from factory import trivy as trivy_tool
from factory.errors import ScanError
from factory.locks import hold
from factory.model import NO_DATABASE, Content, Gate, ScanPolicy, Status, Verdict
from factory.scan import apart, archive, database, inventory, runner
from factory.scan import report as report_room
from factory.scan.apart import Apart, History, Wanted
from factory.scan.basis import basis_of, parts
from factory.scan.content import content
from factory.scan.inventory import Inventory
from factory.scan.origin import on_disk, origins, sizes
from factory.scan.policy import judge, reasons, status_of
from factory.scan.report import Known, Report
from factory.scan.ruling import Bench
from factory.scan.sarif import sarif
from factory.trivy import Database, Trivy, cached_database, knows_java

Log = Callable[[str], None]


def scan(ref: str, *, config_digest: str, policy: ScanPolicy, cache: Path, log: Log) -> Verdict:
    """Judge one image of the engine. Safe to call from several threads and processes at once.

    What is in the image is found once, and kept: judged again, by another policy or a newer
    database, it is not taken out of the engine.

    Args:
        ref: the image's tag in the engine.
        config_digest: what the tag must lead to; the verdict is bound to it.
        policy: as it is about this image (``ScanPolicy.of``).
        cache: the factory's cache folder; Trivy's own files live in ``trivy/`` under it.
        log: told each step, in a line; never a secret's text.

    Raises:
        ScanError: the image is another one, is gone, or Trivy could not judge it.
        MachineError: there is no engine, no Trivy, or a trojaned one.
        Interrupted: the run was cancelled.
    """
    started = time.monotonic()
    tool, home = trivy_tool.locate(), trivy_tool.home(cache)
    found = _inventory(ref, config_digest, tool, home, log)
    return _judged(found, config_digest, policy, tool, home, log, started)


def scan_again(*, config_digest: str, policy: ScanPolicy, cache: Path, log: Log) -> Verdict | None:
    """Judge an image by what is known of it, wherever the image is by now; ``None`` if nothing is.

    Raises:
        ScanError: Trivy could not judge it.
        MachineError: there is no Trivy, or a trojaned one.
        Interrupted: the run was cancelled.
    """
    started = time.monotonic()
    tool, home = trivy_tool.locate(), trivy_tool.home(cache)
    found = inventory.latest(home, config_digest, tool, java=knows_java(home))
    return _judged(found, config_digest, policy, tool, home, log, started) if found else None


def content_of(
    ref: str, *, config_digest: str, policy: ScanPolicy, cache: Path, log: Log
) -> Content:
    """What is in an image of the engine, with what the database knows of it, if there is one.

    Raises:
        as ``scan``.
    """
    tool, home = trivy_tool.locate(), trivy_tool.home(cache)
    found = _inventory(ref, config_digest, tool, home, log)
    data, _ = database.obtain(tool, home, policy, log)
    known = _known(found, data, tool, home) if data else None
    return content(found.report, known, json.loads(found.sbom.read_bytes()))


def kept_content(config_digest: str, cache: Path) -> Content | None:
    """What is known to be in an image without a look at it; ``None`` if it was not taken apart.

    Raises:
        MachineError: there is no Trivy, or a trojaned one.
    """
    tool, home = trivy_tool.locate(), trivy_tool.home(cache)
    found = inventory.latest(home, config_digest, tool, java=knows_java(home))
    return content(found.report, None, json.loads(found.sbom.read_bytes())) if found else None


def materials(*, config_digest: str, cache: Path) -> bytes | None:
    """The bill of materials (CycloneDX) of an image that was scanned here; ``None`` if it is not
    kept any more.

    Raises:
        MachineError: there is no Trivy, or a trojaned one.
    """
    tool, home = trivy_tool.locate(), trivy_tool.home(cache)
    found = inventory.latest(home, config_digest, tool, java=knows_java(home))
    return found.sbom.read_bytes() if found else None


def write_findings(
    file: Path,
    *,
    subject: str,
    config_digest: str,
    policy: ScanPolicy,
    cache: Path,
) -> None:
    """Write what was found in an image that was scanned as SARIF, and beside it, as ``….cdx.json``,
    its bill of materials.

    Args:
        subject: what the image is called.
    """
    tool, home = trivy_tool.locate(), trivy_tool.home(cache)
    found = inventory.latest(home, config_digest, tool, java=knows_java(home))
    if found is None:
        return
    today = datetime.now(UTC)
    data = cached_database(home, policy.database_max_age_days, today)
    known = _known(found, data, tool, home) if data else NO_DATABASE
    bench = Bench(report=found.report, known=known, policy=policy, today=today.date())
    log = sarif(subject, bench.rulings(), tool.version)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(log, indent=1) + "\n", "utf-8")
    # Not by ``with_suffix``: there are dots in what builds are called.
    shutil.copyfile(found.sbom, file.parent / f"{file.name.removesuffix('.sarif')}.cdx.json")


def _judged(
    found: Inventory,
    config_digest: str,
    policy: ScanPolicy,
    tool: Trivy,
    home: Path,
    log: Log,
    started: float,
) -> Verdict:
    """What a policy makes of what is in an image, and of what is known of that today."""
    data, why = database.obtain(tool, home, policy, log)
    known = _known(found, data, tool, home) if data else why
    today = datetime.now(UTC).date()
    checks = judge(Bench(report=found.report, known=known, policy=policy, today=today))
    status = status_of(checks)
    log("; ".join(dict.fromkeys([status.value, *(one.reason for one in checks if one.reason)])))
    version, java = data.version if data else "", not found.report.java_skipped
    return Verdict(
        gate=Gate.SCAN,
        config_digest=config_digest,
        basis=basis_of(parts(policy, tool.version, version, today, java=java)),
        status=status,
        partial=reasons(checks) if status is Status.PARTIAL else (),
        checks=checks,
        seconds=time.monotonic() - started,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _known(found: Inventory, data: Database, tool: Trivy, home: Path) -> Known:
    """What the database knows of an image today: whether a system still gets fixes is told by the
    day.

    Raises:
        ScanError: Trivy failed, or did not see the system that is in the image.
    """
    folder, today = found.sbom.parent, datetime.now(UTC).date()
    with hold(inventory.lock_of(folder)):
        known = inventory.known(folder, f"{data.version} {today}")
        if known is None:
            known = report_room.known(runner.vulnerabilities(tool, home, found.sbom))
            if found.report.system and not known.system:
                raise ScanError(
                    f"Trivy does not see {found.report.system} in the image's bill of materials",
                    todo="use the Trivy that is pinned in pyproject.toml",
                )
            # Somebody may have put another database there meanwhile.
            if cached_database(home) == data:
                inventory.keep_known(folder, f"{data.version} {today}", known)
    return known


def _inventory(ref: str, config_digest: str, tool: Trivy, home: Path, log: Log) -> Inventory:
    java = knows_java(home)
    folder = inventory.folder_of(home, config_digest, tool, java=java)
    with hold(inventory.lock_of(folder)):
        known = inventory.kept(folder)
        if known:
            return known
        history = archive.history(ref)
        wanted = Wanted(ref=ref, config_digest=config_digest, history=history, log=log)
        taken = apart.take(wanted, tool, home, java=java)
        found = _report(taken, history, java=java)
        return inventory.keep(folder, found, taken.bill)


def _report(taken: Apart, history: History, *, java: bool) -> Report:
    layers, brought = report_room.layers(taken.document), origins(taken.configuration)
    by_step = sizes(layers, brought) if layers else on_disk(history)
    return Report(
        secrets=report_room.secrets(taken.document),
        misconfigurations=report_room.misconfigurations(taken.judged),
        system=report_room.system(taken.document),
        size=sum(by_step.values()) if layers else report_room.size(taken.document),
        sizes=by_step,
        origins=brought,
        java_skipped=not java,
    )
