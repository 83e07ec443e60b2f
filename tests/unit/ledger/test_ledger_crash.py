"""A writer killed at any moment loses nothing that it acknowledged, and leaves a whole file."""

from __future__ import annotations

import multiprocessing
import os
import random
import sqlite3
import time
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import TextIO

import pytest

from factory.ledger import Ledger
from factory.model import Built, StepRecord, Trace

KILLS = 30
ENDLESS = 10**9


def write(path: Path, name: str, count: int, said: int) -> None:
    """Record so many builds, and acknowledge each by its key, at a file descriptor."""
    with Ledger.open(path) as ledger:
        for number in range(count):
            key = f"{name}-{number}"
            built = Built(
                key=key,
                ref="x" * (number % 3000),
                image_id="",
                config_digest="",
                substituted_base=False,
                reason="",
                at="",
                seconds=0.0,
            )
            trace = Trace(
                steps=(StepRecord(key=key, kind="base", name=name, parent=None),),
                contents={key: "x" * (number % 3000)},
                made={name: key},
            )
            ledger.record_built(built, trace)
            ledger.record_planned({f"{name}/{half}": key for half in "ab"})
            os.write(said, f"{key}\n".encode())


@dataclass(frozen=True, kw_only=True)
class Writer:
    """A process that writes, and what it acknowledges."""

    process: ForkProcess
    said: TextIO

    def begun(self) -> list[str]:
        """The first key."""
        return [self.said.readline().rstrip("\n")]

    def killed_after(self, seconds: float) -> list[str]:
        """The keys before it was killed."""
        time.sleep(seconds)
        self.process.kill()
        return self.ended()

    def ended(self) -> list[str]:
        """The keys until it ended."""
        with self.said:
            keys = self.said.read().split("\n")[:-1]
        self.process.join()
        return [key for key in keys if key]


def writer(path: Path, name: str, count: int) -> Writer:
    """A fork, which has imported all that it needs."""
    hears, says = os.pipe()
    process = multiprocessing.get_context("fork").Process(
        target=write, args=(path, name, count, says)
    )
    process.start()
    os.close(says)
    return Writer(process=process, said=os.fdopen(hears))


def intact(path: Path) -> bool:
    connection = sqlite3.connect(path)
    result = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return result == [("ok",)]


def test_killed_writers_lose_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    dice = random.Random(7)
    acknowledged: list[str] = []
    for round_number in range(KILLS):
        started = writer(path, f"r{round_number}", ENDLESS)
        acknowledged += started.begun()  # however long a busy machine takes to start it
        acknowledged += started.killed_after(dice.uniform(0, 0.2))
        with Ledger.open(path) as ledger:
            built, planned = ledger.all_built(), ledger.planned()
            traced, made = ledger.traced(), ledger.made()
        assert set(acknowledged) <= set(built)
        assert traced == set(built), "half a transaction"
        assert set(made.values()) <= set(built)
        for name in {key.partition("/")[0] for key in planned}:
            assert planned[f"{name}/a"] == planned[f"{name}/b"], "half a transaction"
        assert intact(path)
    assert len(acknowledged) > KILLS, "the kills came too early to prove anything"


def test_killed_while_the_file_is_begun(tmp_path: Path) -> None:
    dice = random.Random(11)
    for number in range(10):
        path = tmp_path / str(number) / "ledger.sqlite"
        started = writer(path, "x", ENDLESS)
        while not path.exists():
            time.sleep(0.0005)
        acknowledged = started.killed_after(dice.uniform(0, 0.02))
        with Ledger.open(path) as ledger:
            assert set(acknowledged) <= set(ledger.all_built())


@pytest.mark.parametrize("count", [150])
def test_processes_write_side_by_side_from_the_first_moment(tmp_path: Path, count: int) -> None:
    path = tmp_path / "ledger.sqlite"
    writers = [writer(path, name, count) for name in "abcd"]
    for one in writers:
        one.ended()
        assert one.process.exitcode == 0
    with Ledger.open(path) as ledger:
        assert set(ledger.all_built()) == {f"{n}-{i}" for n in "abcd" for i in range(count)}
