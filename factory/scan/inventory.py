"""What is in an image: found once by taking it apart, and kept, since no image ever changes.

Of each image a folder in Trivy's part of the cache: what was found without a vulnerability
database; the bill of materials (CycloneDX), by which the image is judged again whenever there is a
newer database, without the image; and what the last database knew of it. Only names and places are
in it, never the text of a secret.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter

from factory.errors import ScanError
from factory.scan.report import Known, Report
from factory.trivy import Trivy

REPORT = "report.json"
SBOM = "sbom.cdx.json"
_KEPT = 512
"""How many images' are kept, of a megabyte or two each; those not used for longest go first."""

_MADE_BY = (
    *("secrets.yaml", "apart.py", "archive.py", "inventory.py", "known.py"),
    *("layout.py", "origin.py", "report.py", "runner.py"),
)
"""What an inventory comes of: where one of these changes, images are taken apart anew."""

_LABELS = "aquasecurity:trivy:Labels:"
_DAY_SECONDS = 86400


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    """An inventory as it is written, with what tells that its other file is whole."""

    report: Report
    sbom_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What is in an image: all findings but vulnerabilities, and the file with its bill of
    materials."""

    report: Report
    sbom: Path


def folder_of(home: Path, config_digest: str, tool: Trivy, *, java: bool) -> Path:
    """Where an image's inventory is kept, as this Trivy and our own code make it.

    Args:
        java: with the database by which Java archives are told apart, or without.
    """
    image = config_digest.partition(":")[2]
    return home / "inventory" / f"{image}-{way(tool, java=java)}"


def way(tool: Trivy, *, java: bool) -> str:
    """By what an image is taken apart: this Trivy and our own code."""
    suffix = "-java" if java else ""
    return f"{tool.version}-{_code()}{suffix}"


def lock_of(folder: Path) -> Path:
    """The lock to hold while an inventory is made or added to. A few share one: that is no harm,
    but those that are wanted together should not wait for each other."""
    return folder.parent / f".lock-{folder.name[:4]}"


def latest(home: Path, config_digest: str, tool: Trivy, *, java: bool) -> Inventory | None:
    """What is known of an image; without its Java archives, if all that is known is from before
    there was a database for them."""
    ways = (java, False) if java else (False,)
    found = (kept(folder_of(home, config_digest, tool, java=way)) for way in ways)
    return next((one for one in found if one), None)


def kept(folder: Path) -> Inventory | None:
    """The inventory in a folder, if there is a whole one."""
    try:
        found = TypeAdapter(_Kept).validate_json((folder / REPORT).read_bytes())
        whole = (folder / SBOM).stat().st_size == found.sbom_bytes
        os.utime(folder)
    except (OSError, ValueError):
        return None
    return Inventory(report=found.report, sbom=folder / SBOM) if whole else None


def keep(folder: Path, report: Report, bill: bytes) -> Inventory:
    """Keep what was found in an image, with its bill of materials; ``lock_of`` is held.

    Raises:
        ScanError: the bill is no CycloneDX.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    materials = without_labels(bill)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
        fresh = Path(temporary, "inventory")
        fresh.mkdir()
        (fresh / SBOM).write_bytes(materials)
        document = _Kept(report=report, sbom_bytes=len(materials))
        (fresh / REPORT).write_bytes(TypeAdapter(_Kept).dump_json(document))
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        fresh.replace(folder)
    _forget(folder.parent)
    return Inventory(report=report, sbom=folder / SBOM)


def without_labels(materials: bytes) -> bytes:
    """A bill of materials without the image's labels, whose values Trivy puts into it: a secret
    may be one of them.

    Raises:
        ScanError: it is no JSON.
    """
    try:
        document = json.loads(materials)
        component = document.get("metadata", {}).get("component", {})
        properties = component.get("properties", [])
        component["properties"] = [
            one for one in properties if not str(one.get("name")).startswith(_LABELS)
        ]
    except (ValueError, AttributeError, TypeError) as error:
        raise ScanError(
            "Trivy's bill of materials is not one that this factory understands",
            todo="use the Trivy that is pinned in pyproject.toml",
        ) from error
    return json.dumps(document).encode()


def known(folder: Path, database: str) -> Known | None:
    """What a database knows of an image on a day, both of which ``database`` names, if it was asked
    before."""
    try:
        return TypeAdapter(Known).validate_json((folder / _known_name(database)).read_bytes())
    except (OSError, ValueError):
        return None


def keep_known(folder: Path, database: str, found: Known) -> None:
    """Remember it in the place of what an older database knew."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as file:
        file.write(TypeAdapter(Known).dump_json(found))
    for old in folder.glob(_known_name("*")):
        old.unlink(missing_ok=True)
    Path(file.name).replace(folder / _known_name(database))


def _known_name(database: str) -> str:
    return f"known-{database.replace(':', '')}.json"


def _forget(home: Path) -> None:
    """Keep as many as are worth it, and nothing that a killed run left."""
    ages = {path: _modified(path) for path in home.iterdir() if path.is_dir()}
    there = [path for path in ages if not path.name.startswith(".")]
    surplus = sorted(there, key=lambda path: -ages[path])[_KEPT:]
    old = time.time() - _DAY_SECONDS
    left = [path for path in ages if path.name.startswith(".new-") and ages[path] < old]
    for path in (*surplus, *left):
        shutil.rmtree(path, ignore_errors=True)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another run forgot it
        return 0.0


@lru_cache(maxsize=1)
def _code() -> str:
    files = (resources.files("factory.scan").joinpath(name) for name in _MADE_BY)
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]
