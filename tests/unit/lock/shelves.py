"""A small project, and an index that has what it asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from factory.build import PackageSources
from factory.locking import check_locks, find_outdated, write_locks
from factory.model import Outcome, Outdated, Selection
from factory.scheduler import Work
from factory.settings import Settings
from tests.unit.indexes import make_wheel, serving

ANY = "py3-none-any"
NOBODY = "http://127.0.0.1:1/simple"
WHEELS: dict[tuple[str, str], tuple[str, ...]] = {
    ("ray", "2.60.0"): ("click>=8", "numpy<2; extra == 'rllib'"),
    ("ray", "2.55.1"): ("click>=8",),
    ("pip", "26.0"): (),
    ("setuptools", "80.0"): (),
    ("wheel", "0.45"): (),
    ("click", "8.1.0"): (),
    ("click", "8.2.0"): (),
    ("fsspec", "2026.4.0"): (),
    ("pandas", "3.0.0"): ("fsspec>=2026",),
}


@dataclass
class Quiet:
    """An observer that keeps what failed."""

    failed: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def begin(self, works: Sequence[Work]) -> None:
        """Nothing to prepare."""

    def note(self, text: str) -> None:
        """Not looked at."""

    def started(self, work: Work) -> None:
        self.ran.append(work.id)

    def line(self, work: Work, text: str) -> None:
        """Not looked at."""

    def ended(self, outcome: Outcome) -> None:
        if outcome.code:
            self.failed.append(outcome.id)


@dataclass
class Shelf:
    """A project, and where its packages come from.

    Attributes:
        index: the folder that is served, one package a folder.
        sources: whom uv asks.
    """

    root: Path
    index: Path
    sources: PackageSources
    seen: Quiet = field(default_factory=Quiet)

    @property
    def settings(self) -> Settings:
        return Settings.from_environment({"FACTORY_ROOT": str(self.root), "HOME": str(self.root)})

    def lock(self, *only: str, upgrade: bool = False) -> list[str]:
        return write_locks(self.settings, Selection(only=only), self.seen, upgrade=upgrade)

    def check(self, *only: str) -> list[str]:
        return check_locks(self.settings, Selection(only=only), self.seen)

    def outdated(self) -> tuple[Outdated, ...]:
        return find_outdated(self.settings, Selection(), self.seen)

    def files(self) -> dict[str, str]:
        """Every lock there is."""
        found = [*self.root.glob("*/locks/**/*"), *self.root.glob("images/*/locks/*")]
        return {
            file.relative_to(self.root).as_posix(): file.read_text()
            for file in sorted(found)
            if file.is_file()
        }

    def provide(self, name: str, version: str, *requires: str) -> None:
        """Put a package on the index."""
        make_wheel(self.index / name, name, version, ANY, *requires)

    def take_back(self, name: str, version: str, reason: str) -> None:
        """Mark a version on the index as one that nobody should install any more."""
        folder = self.index / name
        links = [
            f'<a href="{file.name}"'
            + (f' data-yanked="{reason}"' if f"-{version}-" in file.name else "")
            + f">{file.name}</a>"
            for file in sorted(folder.glob("*.whl"))
        ]
        (folder / "index.html").write_text("<!DOCTYPE html>" + "\n".join(links))

    def ask_for(self, *lines: str) -> None:
        """Replace the image's requirements."""
        (self.root / "images/demo/requirements.txt").write_text("".join(f"{it}\n" for it in lines))

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))


@contextmanager
def shelf(tree: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A project on an index of its own, for a ``with`` block."""
    made = Shelf(root=tree, index=folder / "simple", sources=PackageSources())
    for (name, version), requires in WHEELS.items():
        made.provide(name, version, *requires)
    monkeypatch.setattr("factory.locker.host_sources", lambda: made.sources)
    with serving(made.index) as host:
        made.sources = PackageSources(index=f"http://{host}/")
        yield made
