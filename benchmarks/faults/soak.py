"""`invoke soak publish`: every fault at every moment, for each kind of publication."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.distribution import distribution
from benchmarks.faults import engine_host, restarts
from benchmarks.faults.cases import cases
from benchmarks.faults.disk import KINDS, LEFT_KIB, full_disk
from benchmarks.faults.house import House, house
from benchmarks.faults.killed import Killed, killed_everywhere
from benchmarks.faults.proxy import proxying
from benchmarks.faults.referring import referring
from benchmarks.faults.trial import Tried, tried
from benchmarks.figures import Figure, Target
from factory.errors import ConfigError
from factory.model import Selection
from factory.settings import Settings
from factory.signals import terminable

METHOD = """\
Real registries (Distribution) with a proxy in front that spoils one request of a publication, or
all of a kind: 429 with and without Retry-After, 500, 502, 503, 401 in mid-push, a reset after some
bytes, a stall, a truncated answer, bytes of another digest; a registry whose disk is full; an
engine of its own that is restarted in mid-push; SIGKILL before each step of two builds that are
published as a group, evidence included, and again while that is resumed. An image is published
there already, and a changed one is published, or promoted, through the fault; then it is simply
done again without. All the while a bystander reads every tag past the proxy, and the command lines
of all processes. It went wrong if a floating tag named anything but the two judged images, an
immutable tag changed, a secret was in a command line, in an error or left in a temporary file, an
error had no next step or was none of the factory's, or if after the second run any tag differs from
those of an undisturbed run. Where evidence is attached (unsigned; to Distribution, and to a front
that adds the referrers API to it), it went wrong as well if a floating tag moved before the
registry had all of it, or if what refers to the image in the end differs.
"""
Say = Callable[[str], None]
KILLED = "publish a group with evidence, listed under a tag, killed before step"
KILLED_LISTED = "publish a group with evidence, listed by the registry, killed before step"
Trial = tuple[str, Callable[[House], Sequence[Tried]]]


def run(_settings: Settings, selection: Selection, say: Say) -> Figure:
    """Try all cases, or those whose names match a glob of ``--only``.

    Raises:
        ConfigError: no case has such a name.
        MachineError: there is no registry program.
    """
    chosen = matching(list(trials()), selection.only)
    begun, found = time.monotonic(), list[Tried]()
    with (
        terminable(),
        tempfile.TemporaryDirectory(prefix="soak-publish-") as folder,
        house(Path(folder)) as place,
    ):
        for number, (_, trial) in enumerate(chosen, 1):
            for one in trial(place):
                found.append(one)
                say(f"{number} of {len(chosen)} {one.ended}: {one.case}")
                for wrong in one.wrong:
                    say(f"WRONG {one.case}: {wrong}")
        facts = machine.facts(place.engine)
    seconds = round(time.monotonic() - begun, 1)
    values = {"seconds": seconds, **summary(found)}
    return Figure(
        name="publish-faults",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=facts,
        values=values,
        targets=[Target(name="cases that went wrong", value=len(values["wrong"]), limit=0)],
    )


def trials() -> Iterator[Trial]:
    """Each by its name; most are one case, and being killed is one for each step."""
    for name, trial in _single():
        yield name, partial(_alone, trial)
    yield KILLED, killed
    yield KILLED_LISTED, killed_while_attaching


def _alone(trial: Callable[[House], Tried], place: House) -> Sequence[Tried]:
    return (trial(place),)


def killed(place: House) -> Sequence[Tried]:
    """A publication that is killed before each of its steps, resumed, killed once more, and resumed
    to its end."""
    with _ground(place, "killed") as (folder, host):
        return [_of_killed(KILLED, one) for one in killed_everywhere(folder, host)]


def killed_while_attaching(place: House) -> Sequence[Tried]:
    """The same before each step of the first build's evidence, where the registry lists what refers
    to an image: all other steps are as above."""
    with _ground(place, "listed") as (folder, opened), referring(opened) as there:
        with proxying(there) as proxy:
            found = killed_everywhere(folder, proxy.host, steps=attaching, twice=False)
        return [_of_killed(KILLED_LISTED, one) for one in found]


def attaching(names: list[str]) -> Sequence[int]:
    """Of the steps of a publication those by which the first build gets its evidence, from 1;
    pure."""
    return range(1 + names.index("blob"), 2 + names.index("note"))


@contextmanager
def _ground(place: House, name: str) -> Iterator[tuple[Path, str]]:
    """A folder and a registry."""
    folder = place.folder / name
    folder.mkdir()
    with distribution(place.folder / f"{name}-registry") as host:
        yield folder, host


def _of_killed(name: str, one: Killed) -> Tried:
    return Tried(
        kind=name.removesuffix(", killed before step"),
        fault="SIGKILL",
        case=f"{name} {one.step[0]}: {one.step[1]}",
        ended="explained" if one.faults else "done",
        struck=1,
        looks=0,
        seconds=0.0,
        wrong=one.faults,
    )


def _single() -> Iterator[tuple[str, Callable[[House], Tried]]]:
    for number, case in enumerate(cases()):
        yield case.name, partial(tried, case=case, number=number)
    for kind in KINDS if os.geteuid() == 0 else ():
        for left in LEFT_KIB:
            name = f"{kind}: disk full, {left} KiB left"
            yield name, partial(full_disk, kind=kind, left_kib=left)
    for name in restarts.names() if engine_host.is_possible() else ():
        yield name, partial(restarts.restarted, name=name)


def matching(found: Sequence[Trial], only: Sequence[str]) -> list[Trial]:
    """Those whose names match a glob; all if there is none.

    Raises:
        ConfigError: none does.
    """
    chosen = [one for one in found if any(fnmatchcase(one[0], glob) for glob in only or ("*",))]
    if not chosen:
        raise ConfigError(
            f"no case is called {', '.join(only)}", todo="use a glob such as '*connection reset*'"
        )
    return chosen


def summary(found: Iterable[Tried]) -> dict[str, Any]:
    """Counts, in all and by kind and fault; pure."""
    rows = list(found)
    table: dict[tuple[str, str], list[Tried]] = {}
    for one in rows:
        table.setdefault((one.kind, one.fault), []).append(one)
    return {
        "cases": len(rows),
        "got_over_it": sum(one.ended == "done" for one in rows),
        "explained_then_done": sum(one.ended == "explained" for one in rows),
        "looks": sum(one.looks for one in rows),
        "wrong": [f"{one.case}: {told}" for one in rows for told in one.wrong],
        "table": [
            {
                "kind": kind,
                "fault": fault,
                "cases": len(group),
                "got_over_it": sum(one.ended == "done" for one in group),
                "explained_then_done": sum(one.ended == "explained" for one in group),
                "wrong": sum(bool(one.wrong) for one in group),
            }
            for (kind, fault), group in table.items()
        ],
    }
