"""What a verdict of the scan gate rests on besides the image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from factory import trivy as trivy_tool
from factory.model import ScanPolicy
from factory.model import policy as policy_model
from factory.trivy import cached_database, knows_java


def parts(
    policy: ScanPolicy,
    trivy_version: str,
    database_version: str,
    today: date,
    *,
    java: bool = False,
) -> dict[str, Any]:
    """All that a verdict rests on besides the image, by name: the policy, Trivy's release, the
    database (empty if there was none), the code of this room, and, where the policy goes by it,
    the day; and whether Java archives can be told apart. JSON can hold it."""
    settings = {name: _plain(value) for name, value in asdict(policy).items()}
    for mirror in ("database_mirror", "java_database_mirror"):
        del settings[mirror]  # a database is the same from wherever it came
    day = {"day": today.isoformat()} if policy.by_day else {}
    return {
        "policy": settings,
        "trivy": trivy_version,
        "database": database_version,
        "code": _code(),
        **day,
        **({"java": True} if java else {}),
    }


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


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
    now, home = datetime.now(UTC), trivy_tool.home(cache)
    found = cached_database(home, policy.database_max_age_days, now)
    version, java = found.version if found else "", knows_java(home)
    return parts(policy, trivy_tool.locate().version, version, now.date(), java=java)


@lru_cache(maxsize=1)
def _code() -> str:
    files = sorted(path for path in Path(__file__).parent.iterdir() if path.is_file())
    files.append(Path(policy_model.__file__))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
