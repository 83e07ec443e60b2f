"""An engine that is restarted in the middle of a push."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace

from benchmarks.faults.cases import Case, Kind, Position, cases
from benchmarks.faults.engine_host import engine_host
from benchmarks.faults.house import House, house
from benchmarks.faults.rules import Fault
from benchmarks.faults.trial import Tried, tried

FAULT = "engine restarted"
MOMENTS = ("a blob is begun", "a blob is sent", "the immutable tag is written")


def positions() -> Iterator[Position]:
    """When it is restarted: while ``docker push`` waits for an answer."""
    for case in cases():
        plain = case.kind is Kind.OPEN and case.fault is Fault.RESET and not case.lasting
        if plain and case.position.name in MOMENTS:
            yield case.position


def names() -> Mapping[str, Position]:
    """The cases by their names."""
    return {f"{Kind.OPEN}: {FAULT}, {one.name}": one for one in positions()}


def restarted(outer: House, name: str) -> Tried:
    """Publish from an engine of its own, which is restarted when the case says.

    Args:
        outer: lends its folder only.
    """
    folder = outer.folder / f"engine-{secrets.token_hex(4)}"
    (folder / "house").mkdir(parents=True)
    with (
        engine_host(folder / "host") as host,
        house(folder / "house", reach=host.reach, when_struck=host.restart) as place,
    ):
        case = Case(kind=Kind.OPEN, position=names()[name], fault=Fault.RESET)
        return replace(tried(place, case, 1), fault=FAULT, case=name)
