"""How soon an unchanged context is known to be unchanged: beside git, which is made for it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import machine
from benchmarks.figures import Figure, Target, ratio
from benchmarks.signals import undisturbed
from benchmarks.tree import workplace
from factory import process
from factory.context import Contents
from factory.context.cache import MARGIN
from factory.engine import Engine
from factory.errors import ConfigError, MachineError
from factory.model import Selection
from factory.settings import Settings

RUNS = 15
LIMIT = 2.0
SMALL, SMALL_BYTES = 9_990, 100_000
LARGE, LARGE_BYTES = 10, 100_000_000
_FOLDERS = 100
_NEEDED = 3 * (SMALL * SMALL_BYTES + LARGE * LARGE_BYTES)
_CODE = Path(__file__).parents[1]
METHOD = f"""\
A context of {SMALL} files of {SMALL_BYTES} bytes and {LARGE} of {LARGE_BYTES}, random bytes, in
{_FOLDERS} folders two deep, committed to git and then left alone; all of it in the page cache.
Medians of {RUNS} rounds, each of one `git status --porcelain` and one check of ours, in turn. Ours
is the check alone, in this process: load what is remembered, walk, compare, and give the digest.
Git's time has the start of its process in it, about as long as `git --version` (`git_start`);
`process` is ours in a process of its own, with the start of Python and imports. Cold is everything
read and hashed, with nothing remembered: by us, and by one `sha256sum` of the same files; medians
of 3 in turn.
"""
_CHECK = """\
import sys
from pathlib import Path
from factory.context import Contents
Contents(Path(sys.argv[1]), Path(sys.argv[2])).digest("context", ".", where="bench")
"""


def run(settings: Settings, _selection: Selection, say: Callable[[str], None]) -> Figure:
    """Measure it; of the project only the cache folder is used.

    Raises:
        ConfigError: there is no git.
        MachineError: the disk has no room for it.
    """
    if not shutil.which("git"):
        raise ConfigError("there is no git", todo="install it: it is what is measured against")
    with workplace(settings, say) as place, _project(place.folder, say) as root:
        ours, git, unchanged = _unchanged(root, say)
        cold = _cold(root, say)
    return Figure(
        name="context",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(Engine.connect()) | {"git": _version()},
        values={**unchanged, **cold},
        targets=[
            Target(
                name="unchanged, beside git status",
                value=ratio(ours, git),
                limit=LIMIT,
            )
        ],
    )


@contextmanager
def _project(folder: Path, say: Callable[[str], None]) -> Iterator[Path]:
    """A project whose context is committed."""
    if shutil.disk_usage(folder).free < _NEEDED:
        raise MachineError(
            f"there are no {_NEEDED >> 30} GiB free", where=str(folder), todo="make room there"
        )
    root = folder.resolve() / "project"
    try:
        say(f"{SMALL + LARGE} files, {_NEEDED // 3 / 1e9:.0f} GB, and their repository")
        _write(root / "context")
        _git(root, "init", "--quiet")
        for name, value in (("gc.auto", "0"), ("core.compression", "0")):
            _git(root, "config", name, value)
        _git(root, "add", ".")
        author = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
        _git(root, *author, "commit", "--quiet", "--message=all")
        time.sleep(2 * MARGIN / 1e9)  # what was just written is not trusted yet
        yield root
    finally:
        say("removing them")
        with undisturbed():
            shutil.rmtree(root, ignore_errors=True)


def _write(context: Path) -> None:
    for at in range(SMALL + LARGE):
        folder = context / f"package{at % 10}" / f"part{at % _FOLDERS}"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"file{at}").open("wb") as file:
            size = SMALL_BYTES if at < SMALL else LARGE_BYTES
            for _ in range(0, size, SMALL_BYTES):
                file.write(os.urandom(SMALL_BYTES))


def _unchanged(root: Path, say: Callable[[str], None]) -> tuple[float, float, dict[str, Any]]:
    """Seconds of ours and of git, and all that was measured."""
    remembered = root.with_name("digests")
    status = ["git", "-C", str(root / "context"), "status", "--porcelain"]
    started = time.perf_counter()
    digest = _digest(root, remembered)
    first = time.perf_counter() - started
    say(f"{RUNS} rounds")
    taken: dict[str, list[float]] = {name: [] for name in ("ours", "git", "process", "git_start")}
    for _ in range(RUNS):
        taken["git"].append(_timed(status))
        started = time.perf_counter()
        same = _digest(root, remembered)
        taken["ours"].append(time.perf_counter() - started)
        assert same == digest
        check = [sys.executable, "-c", _CHECK, str(root), str(remembered)]
        taken["process"].append(_timed(check))
        taken["git_start"].append(_timed(["git", "--version"]))
    shutil.rmtree(remembered)
    medians = {f"{name}_median_seconds": round(median(them), 4) for name, them in taken.items()}
    rounds = {f"{name}_seconds": [round(one, 4) for one in them] for name, them in taken.items()}
    values = {**medians, "first_seconds": round(first, 2), **rounds}
    return median(taken["ours"]), median(taken["git"]), values


def _cold(root: Path, say: Callable[[str], None]) -> Mapping[str, float]:
    say("all read and hashed, by us and by sha256sum")
    files = sorted(str(path) for path in (root / "context").rglob("*") if path.is_file())
    size = SMALL * SMALL_BYTES + LARGE * LARGE_BYTES
    ours, theirs = [], []
    for _ in range(3):
        started = time.perf_counter()
        _digest(root, None)
        ours.append(time.perf_counter() - started)
        theirs.append(_timed(["sha256sum", *files]))
    return {
        "cold_seconds": round(median(ours), 2),
        "cold_gigabytes_per_second": round(size / median(ours) / 1e9, 2),
        "sha256sum_seconds": round(median(theirs), 2),
        "sha256sum_gigabytes_per_second": round(size / median(theirs) / 1e9, 2),
    }


def _digest(root: Path, remembered: Path | None) -> str:
    return Contents(root, remembered).digest("context", ".", where="bench")


def _timed(argv: Sequence[str]) -> float:
    """Seconds of the second of two runs, from start to end of the process."""
    stopwatch = [sys.executable, "-m", "benchmarks.stopwatch", "1"]
    [seconds] = json.loads(process.run([*stopwatch, *argv], env=_quiet(), cwd=_CODE).stdout)
    return float(seconds)


def _git(root: Path, *arguments: str) -> None:
    process.run(["git", "-C", str(root), *arguments], env=_quiet())


def _quiet() -> dict[str, str]:
    """A git without what a user or a machine set: monitors of file systems, hooks, templates."""
    return {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def _version() -> str:
    return process.run(["git", "--version"]).stdout.split()[-1]
