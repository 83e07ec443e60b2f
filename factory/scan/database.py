"""Trivy's databases: the one in the cache if it is young, else a fresh one if the network gives it,
else none, with the reason. Or one that somebody brings along.

That of vulnerabilities is looked for by every scan. That of Java archives has a gigabyte, and its
file says by a checksum which release an archive is: it is only fetched when somebody asks for it.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import threading
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from factory import process
from factory.archive import UNREADABLE
from factory.errors import MachineError
from factory.locks import hold
from factory.model import ScanPolicy
from factory.trivy import JAVA, VULNERABILITIES, Database, Kind, Trivy, cached_database

REFRESH_AFTER = timedelta(days=1)
"""Its publishers make a new one several times a day; a day old, it is worth another download."""
DOWNLOAD_SECONDS = 90.0
"""Of a scan that looks for it; who asks for a database waits longer."""

_PATIENT_SECONDS = 1800.0
_METADATA = "metadata.json"
_LARGEST = 8 * 2**30
"""Of a file, in bytes, unpacked: several times what the database has."""

_attempts: dict[Path, str] = {}
_attempting = threading.Lock()


def obtain(
    trivy: Trivy, cache: Path, policy: ScanPolicy, log: Callable[[str], None]
) -> tuple[Database | None, str]:
    """A database that may be judged with, or ``None`` and why there is none.

    The network is asked at most once in the life of this process, however many images it scans.
    """
    now = datetime.now(UTC)
    database = cached_database(cache, policy.database_max_age_days, now)
    if database and now - database.updated_at <= REFRESH_AFTER:
        return database, ""
    with _attempting:
        if cache not in _attempts:
            log("downloading the vulnerability database")
            _attempts[cache] = _download(
                trivy, cache, VULNERABILITIES, policy.database_mirror, DOWNLOAD_SECONDS
            )
            if _attempts[cache]:
                log(f"no new vulnerability database: {_attempts[cache]}")
        why = _attempts[cache]
    database = cached_database(cache, policy.database_max_age_days, now)
    return database, "" if database else why or "what was downloaded is too old"


def fetch(trivy: Trivy, cache: Path, kind: Kind, mirror: str | None) -> Database:
    """Download the newest database of a kind now, whatever there is.

    Args:
        mirror: the repository that has it, or ``None`` for Trivy's own.

    Raises:
        MachineError: it could not be had; the one that was there is still there.
    """
    why = _download(trivy, cache, kind, mirror, _PATIENT_SECONDS)
    if why:
        raise MachineError(
            f"the {kind.name} could not be downloaded: {why}",
            where=mirror or "",
            todo=f"name a mirror as `policy.scan.{kind.mirror}` in matrix.yaml, or bring a copy "
            "along with `invoke db load`",
        )
    return _there(cache, kind)


def load(cache: Path, source: Path) -> tuple[Kind, Database]:
    """Take over a copy: a folder with ``trivy.db`` or ``trivy-java.db``, and ``metadata.json``, or
    a gzipped tar file of two such, which is the layer that registries keep.

    Raises:
        MachineError: it is none, or of another schema; what was there is still there.
    """
    with _alone(cache), tempfile.TemporaryDirectory(dir=cache, prefix="load-") as folder:
        try:
            kind = _copy(source, Path(folder))
        except (*UNREADABLE, KeyError, zlib.error) as error:
            raise MachineError(
                f"there is no database in it: {error}",
                where=str(source),
                todo=f"give a folder, or a .tar.gz, with {_METADATA} and {VULNERABILITIES.file} or "
                f"{JAVA.file}",
            ) from error
        _require_better(Path(folder), cache, kind, source)
        _swap(Path(folder, kind.folder), cache / kind.folder)
    return kind, _there(cache, kind)


def _copy(source: Path, folder: Path) -> Kind:
    """Copy a database to where it would be in a cache in ``folder``; returns which one it is."""
    if source.is_dir():
        kind = _kind({path.name for path in source.iterdir()})
        target = _target(folder, kind)
        for name in (kind.file, _METADATA):
            _require_file(source / name)
            shutil.copyfile(source / name, target / name)
        return kind
    _require_file(source)
    with tarfile.open(source, "r:gz") as archive:
        members = {Path(member.name).name: member for member in archive if member.isfile()}
        kind = _kind(members)
        target = _target(folder, kind)
        for name in (kind.file, _METADATA):
            if members[name].size > _LARGEST:
                raise ValueError(f"{name} says that it has more than {_LARGEST >> 30} GiB")
            content = archive.extractfile(members[name])
            assert content, "it is a file"
            with (target / name).open("wb") as file:
                shutil.copyfileobj(content, file)
    return kind


def _kind(names: Collection[str]) -> Kind:
    return JAVA if JAVA.file in names else VULNERABILITIES


def _target(folder: Path, kind: Kind) -> Path:
    target = folder / kind.folder
    target.mkdir()
    return target


def _require_file(path: Path) -> None:
    """A pipe would be waited for, and a device be read until the disk is full."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path.name} is no file")


def _require_better(brought_to: Path, cache: Path, kind: Kind, source: Path) -> None:
    """Only the metadata are looked at here: whether the rest is whole, Trivy says."""
    brought, there = cached_database(brought_to, kind=kind), cached_database(cache, kind=kind)
    if brought is None:
        raise MachineError(
            f"it is no {kind.name} of schema {kind.schema}",
            where=str(source),
            todo=f"fetch it with a current Trivy: `trivy image {kind.download}`",
        )
    if there and there.updated_at > brought.updated_at:
        raise MachineError(
            f"it is of {brought.updated_at:%Y-%m-%d %H:%M} UTC, and older than the one that is "
            f"here, of {there.updated_at:%Y-%m-%d %H:%M} UTC",
            where=str(source),
            todo=f"keep what is here, or remove {cache / kind.folder} before",
        )


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One run at a time changes the database; what a killed one left is removed first."""
    cache.mkdir(parents=True, exist_ok=True)
    with hold(cache / ".db.lock"):
        for left in (*cache.glob("load-*"), *cache.glob("download-*")):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _there(cache: Path, kind: Kind) -> Database:
    found = cached_database(cache, kind=kind)
    if found is None:
        raise MachineError(f"the {kind.name} is gone", todo="run the command again")
    return found


def _download(trivy: Trivy, cache: Path, kind: Kind, mirror: str | None, seconds: float) -> str:
    """Fetch into a folder of its own, then swap, so that no scan sees half a database; returns why
    that could not be done, or nothing."""
    with _alone(cache), tempfile.TemporaryDirectory(dir=cache, prefix="download-") as folder:
        fresh = Path(folder)
        try:
            process.run(
                [
                    *(trivy.path, "image", kind.download, "--no-progress"),
                    *("--cache-dir", folder),
                    *((f"{kind.repository}={mirror}:{kind.schema}",) if mirror else ()),
                ],
                env={"TRIVY_SKIP_VERSION_CHECK": "true", "TRIVY_DISABLE_TELEMETRY": "true"},
                cwd=fresh,
                timeout=seconds,
            )
        except process.ProcessFailed as error:
            return _why(error, seconds)
        if cached_database(fresh, kind=kind) is None:
            return f"what came is no {kind.name} of schema {kind.schema}"
        _swap(fresh / kind.folder, cache / kind.folder)
    return ""


def _swap(fresh: Path, current: Path) -> None:
    old = fresh.parent / "old"
    if current.exists():
        current.replace(old)
    try:
        fresh.replace(current)
    except OSError:
        if old.exists():
            old.replace(current)
        raise


def _why(error: process.ProcessFailed, seconds: float) -> str:
    if error.timed_out:
        return f"the download did not end within {seconds:.0f} s"
    said = error.completed.stderr.lower()
    hints = {
        "no such host": "its registry's name cannot be resolved",
        "connection refused": "its registry refuses connections",
        "certificate": "its registry's certificate is not trusted here",
        "no space left": "the disk is full",
        "toomanyrequests": "its registry limits the rate",
        "unauthorized": "its registry wants a login",
        "timeout": "its registry does not answer",
    }
    return next((text for mark, text in hints.items() if mark in said), "the download failed")
