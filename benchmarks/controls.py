"""Whether the suite's verdicts can be trusted in both directions: each image that is broken on
purpose is caught, by the check that is meant for it; a good one passes, time after time, on a busy
machine.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from benchmarks import documented, machine, patched, planted, planted_cold, planted_full
from benchmarks.figures import Figure, Target
from benchmarks.good import Good, good_of
from benchmarks.planted import Control
from benchmarks.signals import undisturbed
from factory import process, runs
from factory.engine import Engine
from factory.errors import ConfigError
from factory.judging import COMPOSE_FILE
from factory.model import CheckStatus, Selection, Verdict
from factory.pipeline import prepare
from factory.settings import Settings
from factory.signals import terminable
from factory.verify import ClusterRequest, verify

METHOD = """\
Each control is a good image of the project's with one thing broken, by a line or two of a
Dockerfile, or a good image in a place where it does not belong. It is verified as `invoke verify`
does, and counts as caught if the checks that failed are those that it names, no others, and say
why. Then a good image passes the quick suite again and again, while a container for each core does
nothing but compute. Images are without checks of their own.
"""
CONTROLS = (*planted.CONTROLS, *planted_full.CONTROLS, *planted_cold.CONTROLS)
REPEATS = 20
_TAG = "factory.invalid/control"
_BUSY = ("python", "-c", "while True: pass")
_CUDA = "13.0"
_PAGE = Path(__file__).parents[1] / "docs" / "verify.md"
_PASSING = re.compile(r"\brif-[0-9a-f]+-[0-9a-f]+|\b\d+(\.\d+){3}\b")
"""Names and addresses that are others in every run."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What came of a control: the checks that failed, and the reason of the first one."""

    control: Control
    failed: tuple[str, ...]
    why: str
    seconds: float

    @property
    def caught(self) -> bool:
        """Whether those failed that should, and no others, and said why."""
        return set(self.failed) == set(self.control.caught_by) and self.control.says in self.why

    def row(self) -> dict[str, Any]:
        """For the figure."""
        return {
            "planted": self.control.planted,
            "caught_by": list(self.failed),
            "caught": self.caught,
            "why": _first(self.why),
            "seconds": round(self.seconds, 1),
        }


def run(settings: Settings, selection: Selection, say: Say, repeats: int = REPEATS) -> Figure:
    """Try every control, or those whose words match a glob of the selection's; then a good image.
    What came of all of them becomes the table in docs/verify.md.

    Raises:
        ConfigError: the images are not built, or no control matches.
        FactoryError: the engine failed.
    """
    chosen = [one for one in CONTROLS if _matches(one, selection)]
    if not chosen:
        raise ConfigError("no control matches", todo=f"such as {CONTROLS[0].planted!r}")
    engine, good = Engine.connect(), good_of(settings, prepare(settings, Selection()))
    with terminable(), runs.Run.begin(settings) as mine:
        runs.reap(engine, settings)
        tried, found = _try_all(chosen, good, mine.id, say)
        passed = _repeat(good.request, mine, repeats, say)
    if not selection.only:
        rows = [one.row() for one in found]
        _PAGE.write_text(documented.updated(_PAGE.read_text("utf-8"), rows), "utf-8")
    return Figure(
        name="verify",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(engine),
        values=_values(found, passed, [one.planted for one in chosen if one not in tried]),
        targets=_targets(found, passed),
    )


def _try_all(
    chosen: Sequence[Control], good: Good, run_id: str, say: Say
) -> tuple[Sequence[Control], Sequence[Found]]:
    """The controls for which there are images, and what came of each."""
    with ExitStack() as needed:
        if any(one.worker in patched.NAMES for one in chosen):
            more = needed.enter_context(patched.others(good.request.head_ref))
            good = replace(good, others={**good.others, **more})
        tried = [one for one in chosen if not one.worker or one.worker in good.others]
        return tried, [_try(control, good, run_id, say) for control in tried]


def _matches(control: Control, selection: Selection) -> bool:
    return not selection.only or any(fnmatchcase(control.planted, it) for it in selection.only)


def _try(control: Control, good: Good, run_id: str, say: Say) -> Found:
    """Break an image, and have it judged."""
    say(f"{control.planted}: to be caught by {', '.join(control.caught_by)}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, _broken(control, good) as image:
        request = _request(control, good, image, Path(folder))
        verdict = verify(request, run_id=run_id, log=lambda _: None)
    failed = tuple(check.name for check in verdict.failures)
    found = Found(
        control=control, failed=failed, why=_why(verdict), seconds=time.monotonic() - started
    )
    word = "caught" if found.caught else "MISSED"
    say(f"{word} by {', '.join(failed) or 'none'}: {_first(found.why)}")
    return found


def _first(text: str) -> str:
    return _PASSING.sub("…", text.partition("\n")[0])[:200]


def _why(verdict: Verdict) -> str:
    first = next(iter(verdict.failures), None)
    return "\n".join([first.reason, *first.detail]) if first else "it passed"


@contextmanager
def _broken(control: Control, good: Good) -> Iterator[str]:
    """The image with these lines added, for as long as it is needed."""
    if not control.lines:
        yield good.others.get(control.worker, good.request.head_ref)
        return
    ref = f"{_TAG}:{secrets.token_hex(6)}"
    dockerfile = f"FROM {good.request.head_ref}\n{control.lines}\n"
    argv = ["docker", "buildx", "build", "--quiet", "--tag", ref, "-"]
    try:
        process.run(argv, stdin=dockerfile.encode(), timeout=600)
        yield ref
    finally:
        with undisturbed():
            process.run(["docker", "rmi", "--force", ref], check=False, shielded=True)


def _request(control: Control, good: Good, image: str, folder: Path) -> ClusterRequest:
    """The cluster that a control is booted as."""
    own = folder / "checks.py"
    own.write_text(control.own, "utf-8")
    whole = good.request if not control.own else replace(good.request, own_checks=(own,))
    alone = control.worker or control.on == "worker"
    gpu = control.expecting.get("device") == "gpu"
    return replace(
        whole,
        subject="control",
        config_digest="",
        head_ref=good.request.head_ref if alone else image,
        worker_ref=image,
        cell=replace(whole.cell, **control.expecting),  # type: ignore[arg-type]  # fields by name
        cuda=_CUDA if gpu else None,
        torch=control.torch,
        needs=control.needs,
        contract=control.promises,
        driver=control.driver,
        compose_file=_sized(control.sizes, folder),
        suite=control.suite,
        budget=control.budget,
    )


def _sized(sizes: Mapping[str, str], folder: Path) -> Path:
    """The cluster's definition with other defaults: what is set outside does not reach it."""
    text = COMPOSE_FILE.read_text("utf-8")
    for name, size in sizes.items():
        text = re.sub(rf"\$\{{{name}:-[^}}]*\}}", size, text)
    file = folder / COMPOSE_FILE.name
    file.write_text(text, "utf-8")
    for other in COMPOSE_FILE.parent.glob("*.yaml"):
        if other.name != file.name:
            shutil.copy(other, folder)
    return file


def _repeat(request: ClusterRequest, mine: runs.Run, repeats: int, say: Say) -> Sequence[Verdict]:
    """The verdicts on a good image, while all cores are busy."""
    verdicts = []
    with _busy(request.head_ref, mine):
        for number in range(1, repeats + 1):
            verdict = verify(request, run_id=mine.id, log=lambda _: None)
            reasons = "; ".join(f"{one.name}: {one.reason}" for one in verdict.failures)
            say(f"a good image, {number} of {repeats}: {verdict.status.value} {reasons}".rstrip())
            verdicts.append(verdict)
    return verdicts


@contextmanager
def _busy(image: str, mine: runs.Run) -> Iterator[None]:
    """A container for each core that does nothing but compute."""
    names = [f"rif-busy-{secrets.token_hex(4)}" for _ in range(os.cpu_count() or 1)]
    start = ["docker", "run", "--detach", "--rm", "--network=none", f"--label={mine.label}"]
    try:
        for name in names:
            process.run([*start, "--cpus=1", f"--name={name}", image, *_BUSY])
        yield
    finally:
        with undisturbed():
            process.run(["docker", "rm", "--force", *names], check=False, shielded=True)


def _values(
    found: Sequence[Found], passed: Sequence[Verdict], left_out: Sequence[str]
) -> dict[str, Any]:
    failures = [
        f"{check.name}: {check.reason}"
        for verdict in passed
        for check in verdict.checks
        if check.status is not CheckStatus.PASS
    ]
    return {
        "controls": len(found),
        "caught": sum(one.caught for one in found),
        "good_runs": len(passed),
        "good_runs_passed": sum(not verdict.failures for verdict in passed),
        "good_seconds": [round(verdict.seconds, 1) for verdict in passed],
        "false_alarms": failures,
        "left_out": list(left_out),
        "table": [one.row() for one in found],
    }


def _targets(found: Sequence[Found], passed: Sequence[Verdict]) -> tuple[Target, ...]:
    missed = sum(not one.caught for one in found)
    alarms = sum(bool(verdict.failures) for verdict in passed)
    return (
        Target(name="controls not caught", value=missed, limit=0),
        Target(name="good images refused", value=alarms, limit=0),
    )
