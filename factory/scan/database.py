"""Trivy's vulnerability database: the one in the cache if it is young, else a fresh one if the
network gives it, else none, with the reason. Or one that somebody brings along."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from factory import process
from factory.archive import UNREADABLE
from factory.errors import MachineError
from factory.locks import hold
from factory.model import ScanPolicy
from factory.trivy import DATABASE_SCHEMA, Database, Trivy, cached_database

REFRESH_AFTER = timedelta(days=1)
"""Its publishers make a new one several times a day; a day old, it is worth another download."""
DOWNLOAD_SECONDS = 90.0

_FILES = ("trivy.db", "metadata.json")
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
            _attempts[cache] = _download(trivy, cache, policy.database_mirror)
            if _attempts[cache]:
                log(f"no new vulnerability database: {_attempts[cache]}")
        why = _attempts[cache]
    database = cached_database(cache, policy.database_max_age_days, now)
    return database, "" if database else why or "what was downloaded is too old"


def fetch(trivy: Trivy, cache: Path, mirror: str | None) -> Database:
    """Download the newest database now, whatever there is.

    Args:
        mirror: the repository that has it, or ``None`` for Trivy's own.

    Raises:
        MachineError: it could not be had; the one that was there is still there.
    """
    why = _download(trivy, cache, mirror)
    if why:
        raise MachineError(
            f"the vulnerability database could not be downloaded: {why}",
            where=mirror or "",
            todo="name a mirror as `policy.scan.database_mirror` in matrix.yaml, or bring a copy "
            "along with `invoke db load`",
        )
    return _there(cache)


def load(cache: Path, source: Path) -> Database:
    """Take over a copy: a folder with ``trivy.db`` and ``metadata.json``, or a gzipped tar file of
    these two, which is the layer that registries keep.

    Raises:
        MachineError: it is none, or of another schema; what was there is still there.
    """
    with _alone(cache), tempfile.TemporaryDirectory(dir=cache, prefix="load-") as folder:
        fresh = Path(folder, "db")
        fresh.mkdir()
        try:
            _copy(source, fresh)
        except (*UNREADABLE, KeyError, zlib.error) as error:
            raise MachineError(
                f"there is no vulnerability database in it: {error}",
                where=str(source),
                todo=f"give a folder, or a .tar.gz, with {' and '.join(_FILES)}",
            ) from error
        _require_better(fresh, cache, source)
        _swap(fresh, cache / "db")
    return _there(cache)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        for name in _FILES:
            _require_file(source / name)
            shutil.copyfile(source / name, target / name)
        return
    _require_file(source)
    with tarfile.open(source, "r:gz") as archive:
        members = {Path(member.name).name: member for member in archive if member.isfile()}
        for name in _FILES:
            if members[name].size > _LARGEST:
                raise ValueError(f"{name} says that it has more than {_LARGEST >> 30} GiB")
            content = archive.extractfile(members[name])
            assert content, "it is a file"
            with (target / name).open("wb") as file:
                shutil.copyfileobj(content, file)


def _require_file(path: Path) -> None:
    """A pipe would be waited for, and a device be read until the disk is full."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path.name} is no file")


def _require_better(folder: Path, cache: Path, source: Path) -> None:
    """Only the metadata are looked at here: whether the rest is whole, Trivy says."""
    brought, there = cached_database(folder.parent), cached_database(cache)
    if brought is None:
        raise MachineError(
            f"it is no vulnerability database of schema {DATABASE_SCHEMA}",
            where=str(source),
            todo="fetch it with a current Trivy: `trivy image --download-db-only`",
        )
    if there and there.updated_at > brought.updated_at:
        raise MachineError(
            f"it is of {brought.updated_at:%Y-%m-%d %H:%M} UTC, and older than the one that is "
            f"here, of {there.updated_at:%Y-%m-%d %H:%M} UTC",
            where=str(source),
            todo=f"keep what is here, or remove {cache / 'db'} before",
        )


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One run at a time changes the database; what a killed one left is removed first."""
    cache.mkdir(parents=True, exist_ok=True)
    with hold(cache / ".db.lock"):
        for left in (*cache.glob("load-*"), *cache.glob("download-*")):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _there(cache: Path) -> Database:
    found = cached_database(cache)
    if found is None:
        raise MachineError("the vulnerability database is gone", todo="run the command again")
    return found


def _download(trivy: Trivy, cache: Path, mirror: str | None) -> str:
    """Fetch into a folder of its own, then swap, so that no scan sees half a database."""
    with _alone(cache), tempfile.TemporaryDirectory(dir=cache, prefix="download-") as folder:
        fresh = Path(folder)
        try:
            process.run(
                [
                    *(trivy.path, "image", "--download-db-only", "--no-progress"),
                    *("--cache-dir", folder),
                    *((f"--db-repository={mirror}:{DATABASE_SCHEMA}",) if mirror else ()),
                ],
                env={"TRIVY_SKIP_VERSION_CHECK": "true", "TRIVY_DISABLE_TELEMETRY": "true"},
                cwd=fresh,
                timeout=DOWNLOAD_SECONDS,
            )
        except process.ProcessFailed as error:
            return _why(error)
        if not (fresh / "db" / "trivy.db").is_file():
            return "the download brought no database"
        _swap(fresh / "db", cache / "db")
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


def _why(error: process.ProcessFailed) -> str:
    if error.timed_out:
        return f"the download did not end within {DOWNLOAD_SECONDS:.0f} s"
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
