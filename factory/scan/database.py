"""Trivy's vulnerability database: the one in the cache if it is young, else a fresh one if the
network gives it, else none, with the reason."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from factory import process
from factory.trivy import Database, Trivy, cached_database

REFRESH_AFTER = timedelta(days=1)
"""Its publishers make a new one several times a day; a day old, it is worth another download."""
DOWNLOAD_SECONDS = 90.0

_attempts: dict[Path, str] = {}
_attempting = threading.Lock()


def obtain(
    trivy: Trivy, cache: Path, max_age_days: int, log: Callable[[str], None]
) -> tuple[Database | None, str]:
    """A database that may be judged with, or ``None`` and why there is none.

    The network is asked at most once in the life of this process, however many images it scans.
    """
    now = datetime.now(UTC)
    database = cached_database(cache, max_age_days, now)
    if database and now - database.updated_at <= REFRESH_AFTER:
        return database, ""
    with _attempting:
        if cache not in _attempts:
            log("downloading the vulnerability database")
            _attempts[cache] = _download(trivy, cache)
            if _attempts[cache]:
                log(f"no new vulnerability database: {_attempts[cache]}")
        why = _attempts[cache]
    database = cached_database(cache, max_age_days, now)
    return database, "" if database else why or "what was downloaded is too old"


def _download(trivy: Trivy, cache: Path) -> str:
    """Fetch into a folder of its own, then swap, so that no scan sees half a database."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="download-") as folder:
        fresh = Path(folder)
        try:
            process.run(
                [trivy.path, "image", "--download-db-only", "--cache-dir", folder, "--no-progress"],
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
    if current.exists():
        current.replace(fresh.parent / "old")
    fresh.replace(current)


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
