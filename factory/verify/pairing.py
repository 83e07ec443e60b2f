"""Two images side by side, before they are booted as one cluster.

What an image has is read in a container of its own, and remembered by the image's config digest.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from factory.model import Check, CheckStatus, differing
from factory.verify import bare
from factory.verify.bundle import SMOKE
from factory.verify.events import line_of, printable, tidy
from factory.verify.request import ClusterRequest
from factory.verify.smoke.inventory import NONE
from factory.verify.telling import Log

_SOURCE = SMOKE / "inventory.py"
_PROGRAM = """\
import subprocess, sys
sys.exit(subprocess.run([sys.executable, "-c", {inner!r}]).returncode)
"""
_TELL = """
import json
print({nonce!r} + json.dumps(inventory()), flush=True)
"""
_LONGEST_VERSION = 60
_WORDS = {"ray": "Ray", "python": "Python"}
_FIELDS = {f"pair-{name}": (name,) for name in _WORDS}
_REST = "pair-serialization"
CHECKS = (*_FIELDS, _REST)
"""The checks of a pair before its cluster, in their order."""

Inventory = Mapping[str, str]


class _NoInventoryError(Exception):
    """An image does not tell what it has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Reads what the images of a pair have.

    Attributes:
        folder: where it is remembered, or ``None``.
    """

    request: ClusterRequest
    run_id: str
    folder: Path | None = None

    def checks(self, log: Log) -> tuple[Check, ...]:
        """Whether the two may be one cluster: the checks of a pair.

        Raises:
            VerifyError: the engine could not run a container.
            Interrupted: the run was cancelled.
        """
        request = self.request
        assert request.mixed, "only a mixed cluster has two images"
        halves = (
            ("head", request.head_ref, request.config_digest),
            ("workers", request.worker_ref, request.mixed.config_digest),
        )
        try:
            found = tuple(compared(*(self._inventory(*half) for half in halves)))
        except _NoInventoryError as error:
            found = (Check(name=CHECKS[0], status=CheckStatus.FAIL, reason=str(error)),)
        for check in found:
            log(line_of(check))
        return found

    def _inventory(self, whose: str, ref: str, digest: str) -> Inventory:
        source = _SOURCE.read_bytes()
        file = self._file(digest, source)
        known = _parsed(file.read_text("utf-8")) if file and file.exists() else None
        if known:
            return known
        text = self._told(whose, ref, source.decode())
        found = _parsed(text)
        if found is None:
            raise _NoInventoryError(f"the image of the {whose} tells of something else")
        if file:
            _keep(file, text)
        return found

    def _file(self, digest: str, source: bytes) -> Path | None:
        code = hashlib.sha256(source).hexdigest()[:12]
        name = f"{digest.removeprefix('sha256:')}-{code}.json"
        return self.folder / name if self.folder else None

    def _told(self, whose: str, ref: str, source: str) -> str:
        nonce, said = secrets.token_hex(16), list[str]()
        inner = source + _TELL.format(nonce=nonce)
        ended = bare.run(
            replace(self.request, head_ref=ref),
            _PROGRAM.format(inner=inner).encode(),
            run_id=self.run_id,
            on_launch=lambda _seconds: None,
            on_line=lambda line: said.append(line) if line.startswith(nonce) else None,
        )
        if said:
            return said[0].removeprefix(nonce)
        last = " / ".join(tidy(ended.completed.tail)[-1:]) or "it says nothing"
        raise _NoInventoryError(f"the image of the {whose} does not tell its versions: {last}")


def compared(head: Inventory, workers: Inventory) -> list[Check]:
    """What two images have, held against each other: each check names all that differs."""
    names = dict.fromkeys((*head, *workers))
    groups = {**_FIELDS, _REST: tuple(name for name in names if name not in _WORDS)}
    return [_compared(check, group, head, workers) for check, group in groups.items()]


def _compared(check: str, names: Iterable[str], head: Inventory, workers: Inventory) -> Check:
    both = [(_WORDS.get(it, it), head.get(it, NONE), workers.get(it, NONE)) for it in names]
    reason = "; ".join(differing(what, one, other) for what, one, other in both if one != other)
    status = CheckStatus.FAIL if reason else CheckStatus.PASS
    return Check(name=check, status=status, reason=reason)


def _parsed(text: str) -> Inventory | None:
    """What an image told, if it is what an image tells: it is judged, and may say anything."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not _WORDS.keys() <= found.keys():
        return None
    return {
        printable(name): printable(str(version))[:_LONGEST_VERSION]
        for name, version in found.items()
    }


def _keep(file: Path, text: str) -> None:
    """Write it whole or not at all: another run may be reading."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as new:
        new.write(text)
    Path(new.name).replace(file)
