"""Ways to make a good project wrong, and what a case of the bad-input list consists of."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from factory.ledger.store import APPLICATION_ID
from tests.conftest import ROOT
from tests.unit.indexes import make_wheel

Break = Callable[[Path], None]

LINE = "matrix.yaml:{}:{}: "
IMAGE = "images/demo/image.yaml"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to go wrong.

    Attributes:
        id: its name in the test's output.
        spoil: makes a good tree wrong.
        args: the call, ``plan`` unless it matters.
        says: what standard error must contain: what happened, where, what to do next.
        code: the promised exit code.
        env: variables of the call.
        hides: what no stream may show.
        real: run through a process of its own, instead of in this one.
    """

    id: str
    spoil: Break
    says: tuple[str, ...]
    args: tuple[str, ...] = ("plan",)
    code: int = 2
    env: Mapping[str, str] = field(default_factory=dict)
    hides: tuple[str, ...] = ()
    real: bool = False


def nothing(_root: Path) -> None:
    """For a call that is wrong on a tree that is right."""


def write(path: str, text: str | bytes) -> Break:
    content = text if isinstance(text, bytes) else text.encode()

    def spoil(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)

    return spoil


def wheel(path: str) -> Break:
    name, version, tag = Path(path).stem.split("-", 2)
    return lambda root: make_wheel(root / Path(path).parent, name, version, tag)


def edit(path: str, old: str, new: str) -> Break:
    def spoil(root: Path) -> None:
        text = (root / path).read_text()
        assert text.count(old) == 1, (path, old)
        (root / path).write_text(text.replace(old, new))

    return spoil


def matrix(old: str, new: str) -> Break:
    return edit("matrix.yaml", old, new)


def image(old: str, new: str) -> Break:
    return edit(IMAGE, old, new)


def more(text: str, path: str = "matrix.yaml") -> Break:
    def spoil(root: Path) -> None:
        with (root / path).open("a") as file:
            file.write(text)

    return spoil


def remove(path: str) -> Break:
    def spoil(root: Path) -> None:
        target = root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return spoil


def folder_for(path: str) -> Break:
    def spoil(root: Path) -> None:
        (root / path).unlink()
        (root / path).mkdir()

    return spoil


def link(path: str, target: str) -> Break:
    def spoil(root: Path) -> None:
        place = root / path
        if place.is_dir():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        place.symlink_to(target)

    return spoil


def both(*spoils: Break) -> Break:
    def spoil(root: Path) -> None:
        for each in spoils:
            each(root)

    return spoil


def end_of(path: str) -> str:
    """How a message begins that is about a line added to a file that is shipped."""
    lines = (ROOT / path).read_text().count("\n")
    return f"{path}:{lines + 1}: "


def fifo(path: str) -> Break:
    return lambda root: os.mkfifo(root / path)


def ledger(content: bytes) -> Break:
    return write(".factory/ledger.sqlite", content)


def foreign_ledger(root: Path) -> None:
    _database(root, "CREATE TABLE recipes (name TEXT)")


def newer_ledger(root: Path) -> None:
    _database(root, f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 9999")


def _database(root: Path, statement: str) -> None:
    (root / ".factory").mkdir()
    with sqlite3.connect(root / ".factory" / "ledger.sqlite") as connection:
        connection.executescript(statement)
