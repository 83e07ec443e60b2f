"""What all tests of locks stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.indexes import hasten
from tests.unit.lock.shelves import Shelf, shelf


@pytest.fixture
def shelved(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A project of one image on two Rays, and an index that has its packages."""
    hasten(monkeypatch, tmp_path / "uv")
    with shelf(tree, tmp_path, monkeypatch) as made:
        yield made
