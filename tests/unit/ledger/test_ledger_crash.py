"""A writer killed at any moment loses nothing that it acknowledged, and leaves a whole file."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from factory.ledger import Ledger

WRITER = """
import sys
from pathlib import Path
from factory.ledger import Ledger
from factory.model import Built, StepRecord, Trace

path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with Ledger.open(path) as ledger:
    for number in range(count):
        key = f"{name}-{number}"
        ledger.record_built(
            Built(key=key, ref="x" * (number % 3000), image_id="", config_digest="",
                  substituted_base=False, reason="", at="", seconds=0.0),
            Trace(steps=(StepRecord(key=key, kind="base", name=name, parent=None),),
                  contents={key: "x" * (number % 3000)}, made={name: key}),
        )
        ledger.record_planned({f"{name}/{half}": key for half in "ab"})
        print(key, flush=True)
"""
KILLS = 30
ENDLESS = 10**9


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def killed_after(process: subprocess.Popen[str], seconds: float) -> list[str]:
    """The keys that a writer acknowledged before it was killed."""
    time.sleep(seconds)
    process.kill()
    said, _ = process.communicate()
    return [line for line in said.split("\n")[:-1] if line]


def begun(process: subprocess.Popen[str]) -> list[str]:
    """The first key that a writer acknowledges."""
    assert process.stdout
    return [process.stdout.readline().rstrip("\n")]


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
        process = writer(path, f"r{round_number}", ENDLESS)
        acknowledged += begun(process)  # however long a busy machine takes to start it
        acknowledged += killed_after(process, dice.uniform(0, 0.2))
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
        process = writer(path, "x", ENDLESS)
        while not path.exists():
            time.sleep(0.0005)
        acknowledged = killed_after(process, dice.uniform(0, 0.02))
        with Ledger.open(path) as ledger:
            assert set(acknowledged) <= set(ledger.all_built())


@pytest.mark.parametrize("count", [150])
def test_processes_write_side_by_side_from_the_first_moment(tmp_path: Path, count: int) -> None:
    path = tmp_path / "ledger.sqlite"
    writers = [writer(path, name, count) for name in "abcd"]
    for process in writers:
        process.communicate()
        assert process.returncode == 0
    with Ledger.open(path) as ledger:
        assert set(ledger.all_built()) == {f"{n}-{i}" for n in "abcd" for i in range(count)}
