"""Images taken out of the engine as an archive, and an image's configuration as a Dockerfile."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock, Timeout

from factory import process
from factory.errors import MachineError, ScanError

_NOT_TAKEN = "the image could not be taken out of the engine to be scanned"
_NO_ENGINE = re.compile(r"cannot connect to the docker daemon|is the docker daemon running", re.I)
_DISK_FULL = re.compile(r"no space left on device", re.I)


@contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A folder for one scan; what killed scans left in ``folder`` is removed first."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # nobody sweeps between the making and the locking of ours
        _sweep(folder)
        temporary = TemporaryDirectory(dir=folder, prefix="scan-", ignore_cleanup_errors=True)
        lock = FileLock(Path(temporary.name, ".lock"))
        lock.acquire()
    with temporary as name:
        try:
            yield Path(name)
        finally:
            lock.release()


def _sweep(folder: Path) -> None:
    """A workspace whose lock can be had belongs to nobody alive."""
    for left in folder.glob("scan-*"):
        lock = FileLock(left / ".lock")
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue
        shutil.rmtree(left, ignore_errors=True)
        lock.release()


def save(refs: Sequence[str], archive: Path) -> None:
    """Write images of the engine to ``archive``; what they share is in it once.

    Raises:
        ScanError: one of them is not there, or there is no room.
        MachineError: no engine answers.
    """
    done = process.run(
        ["docker", "image", "save", "--output", str(archive), *refs], timeout=3600, check=False
    )
    if not done.code:
        return
    if _NO_ENGINE.search(done.stderr):
        raise MachineError(
            "no Docker engine answers",
            where=refs[0],
            todo="run `invoke doctor`",
            detail=done.tail[-3:],
        )
    raise ScanError(
        _NOT_TAKEN,
        where=refs[0],
        todo=f"free some space where {archive.parent.parent} is"
        if _DISK_FULL.search(done.stderr)
        else "build it again with `invoke build`",
        detail=done.tail[-3:],
    )


def history(ref: str) -> list[tuple[str, int]]:
    """Instruction and bytes of each entry of an image's history, the oldest first.

    Raises:
        ScanError: there is no such image, or no engine.
    """
    argv = ["docker", "history", "--no-trunc", "--human=false", "--format", "{{json .}}", ref]
    done = process.run(argv, timeout=60, check=False)
    if done.code:
        raise ScanError(
            _NOT_TAKEN,
            where=ref,
            todo="build it again with `invoke build`",
            detail=done.tail[-3:],
        )
    entries = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    return [(str(one["CreatedBy"]), int(one["Size"])) for one in reversed(entries)]


def other_image(found: str, expected: str) -> ScanError:
    """What is scanned is not what was built: somebody moved the tag meanwhile."""
    return ScanError(
        f"the image scanned has the configuration {found}, but {expected} was to be judged",
        todo="find out who else writes this tag, then run `invoke build` again",
    )


def dockerfile(configuration: Mapping[str, Any]) -> str:
    """The configuration that a container starts with, as a Dockerfile.

    Trivy judges an image by a Dockerfile that it guesses from the history, which it fails to parse
    where a RUN was a heredoc, and which mixes in the instructions of every parent. What the image
    does at run time is all here; how a Dockerfile of ours is written is for `invoke lint`.
    """
    config = configuration.get("config") or {}
    lines = ["FROM scratch"]
    lines += [f"ENV {_pair(variable)}" for variable in config.get("Env") or ()]
    lines += [f"EXPOSE {_word(port)}" for port in sorted(config.get("ExposedPorts") or ())]
    lines += [f"WORKDIR {json.dumps(value)}" for value in _set(config, "WorkingDir")]
    lines += [f"HEALTHCHECK {_health(value)}" for value in _set(config, "Healthcheck")]
    lines += [f"USER {_user(value)}" for value in _set(config, "User")]
    lines += [f"ENTRYPOINT {json.dumps(value)}" for value in _set(config, "Entrypoint")]
    lines += [f"CMD {json.dumps(value)}" for value in _set(config, "Cmd")]
    return "\n".join(lines) + "\n"


def _set(config: Mapping[str, Any], key: str) -> list[Any]:
    value = config.get(key)
    return [value] if value else []


def _pair(variable: str) -> str:
    name, _, value = variable.partition("=")
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'{_word(name)}="{" ".join(quoted.splitlines())}"'


def _user(value: str) -> str:
    """Trivy's rule knows root by that name alone, which a number is as well, with a group or
    without."""
    name = value.partition(":")[0].strip()
    return "root" if name == "root" or re.fullmatch(r"[+-]?0+", name) else _word(value)


def _word(value: str) -> str:
    return re.sub(r"\s", "_", value)


def _health(check: Mapping[str, Any]) -> str:
    return "NONE" if check.get("Test") in (None, [], ["NONE"]) else 'CMD ["check"]'
