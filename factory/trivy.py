"""Which Trivy this machine has, and which database.

The release is learnt without starting it: a trojaned one must not run even to tell its version.
"""

from __future__ import annotations

import json
import mmap
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from factory import process
from factory.errors import MachineError

TROJANED = frozenset({"0.69.4", "0.69.5", "0.69.6"})
"""Releases that were published with a credential stealer inside."""

MINIMUM = (0, 60)
"""The oldest minor release whose flags and report the scan gate knows."""

_REMEDY = "`pip install -e .` brings one on Linux x86-64; elsewhere put your own on PATH"
_LINKER_MARK = b"pkg/version/app.ver="
_VERSION = re.compile(rb"\d+\.\d+\.\d+[0-9A-Za-z.+-]{0,30}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Trivy:
    """A Trivy that may be started: its path and its release, such as ``0.76.0``."""

    path: str
    version: str


def locate() -> Trivy:
    """The Trivy to use: the user's own on ``PATH``, else the pinned one.

    Raises:
        MachineError: there is none, it is a trojaned release, or it is too old.
    """
    path = process.find_tool("trivy")
    if path is None:
        raise MachineError("Trivy is not installed", todo=_REMEDY)
    real = Path(path).resolve()
    state = real.stat()
    return admit(path, _version(path, real, state.st_mtime_ns, state.st_size))


def admit(path: str, version: str) -> Trivy:
    """Accept a release, or refuse it by name.

    Raises:
        MachineError: as ``locate`` says.
    """
    if version in TROJANED:
        raise MachineError(
            f"Trivy {version} is one of the releases that were trojaned",
            where=path,
            todo="remove it, renew every credential that this machine holds, then " + _REMEDY,
        )
    known = re.match(r"(\d+)\.(\d+)\.", version)
    if not known or tuple(map(int, known.groups())) < MINIMUM:
        oldest = ".".join(map(str, MINIMUM))
        raise MachineError(
            f"Trivy {version!r} is not a release of {oldest} or later", where=path, todo=_REMEDY
        )
    return Trivy(path=path, version=version)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One of Trivy's databases.

    Attributes:
        name: for people.
        folder: of Trivy's cache, with ``metadata.json`` and the file.
        file: the database.
        schema: the one that is known here.
        download: Trivy's option that fetches nothing but it.
        repository: Trivy's option that names where from.
        mirror: the key of ``policy.scan`` that does.
    """

    name: str
    folder: str
    file: str
    schema: int
    download: str
    repository: str
    mirror: str


VULNERABILITIES = Kind(
    name="vulnerability database",
    folder="db",
    file="trivy.db",
    schema=2,
    download="--download-db-only",
    repository="--db-repository",
    mirror="database_mirror",
)
JAVA = Kind(
    name="Java database",
    folder="java-db",
    file="trivy-java.db",
    schema=1,
    download="--download-java-db-only",
    repository="--java-db-repository",
    mirror="java_database_mirror",
)
"""By which Java archives are told apart: which file is which release of what."""

JAVA_DAYS = 90
"""How old that may be: what is newer than it stays unknown, and in an image few archives are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """A database by its moment; ``version`` is what verdicts name it by."""

    updated_at: datetime
    schema: int = VULNERABILITIES.schema

    @property
    def version(self) -> str:
        return f"{self.schema}@{self.updated_at.isoformat(timespec='seconds')}"


def home(cache: Path) -> Path:
    """Trivy's folder in the factory's cache, apart from that of a Trivy which users run by hand."""
    return cache / "trivy"


def cached_database(
    home: Path,
    max_age_days: int | None = None,
    now: datetime | None = None,
    *,
    kind: Kind = VULNERABILITIES,
) -> Database | None:
    """The database in Trivy's folder, unless it is missing, of another schema or too old; of any
    age if none is given."""
    folder = home / kind.folder
    try:
        metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
        updated_at = datetime.fromisoformat(metadata["UpdatedAt"]).astimezone(UTC)
        usable = metadata["Version"] == kind.schema and (folder / kind.file).is_file()
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    if max_age_days is not None:
        age = (now or datetime.now(UTC)) - updated_at
        usable = usable and age <= timedelta(days=max_age_days)
    return Database(updated_at=updated_at, schema=kind.schema) if usable else None


def knows_java(home: Path) -> bool:
    """Whether Java archives can be told apart."""
    return cached_database(home, JAVA_DAYS, kind=JAVA) is not None


@lru_cache(maxsize=8)
def _version(path: str, real: Path, _mtime: int, _size: int) -> str:
    return _linked_version(real) or _told_version(path)


def _linked_version(binary: Path) -> str | None:
    """The release that the linker wrote into the binary; it stands near the end."""
    with binary.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        at = view.rfind(_LINKER_MARK)
        if at < 0:
            return None
        start = at + len(_LINKER_MARK)
        found = _VERSION.match(view[start : start + 64])
    return found.group().decode("ascii") if found else None


def _told_version(path: str) -> str:
    """What a wrapper, or a build without the mark, says of itself."""
    said = process.run([path, "version", "--format", "json"], timeout=20, check=False).stdout
    try:
        return str(json.loads(said)["Version"])
    except (ValueError, KeyError, TypeError):
        return "unknown"
