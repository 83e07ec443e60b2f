"""Tiny images and a registry of their own for the tests that publish."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import tiny
from benchmarks.distribution import PASSWORD, free_port, guarding, registry_at
from benchmarks.tiny import QUIET, passed
from factory.engine import Engine
from factory.model import Build, Built, Cell, PlannedBuild, Target, step_ref
from factory.settings import Settings

__all__ = [
    "PASSWORD",
    "QUIET",
    "Workshop",
    "free_port",
    "guarded_registry",
    "open_registry",
    "passed",
    "registry_at",
    "registry_folder",
    "settings_at",
    "target_at",
]


@contextmanager
def guarded_registry(folder: Path) -> Iterator[str]:
    """``host:port`` of a registry that lets in the user ``me`` with ``PASSWORD``, and nobody
    else."""
    folder.mkdir()
    with registry_at("", folder, guarding(folder)) as host:
        yield host


@contextmanager
def open_registry(folder: Path) -> Iterator[str]:
    """``host:port`` of a registry that lets in everybody."""
    folder.mkdir()
    with registry_at("", folder, {}) as host:
        yield host


def settings_at(folder: Path, port: int | None = None) -> Settings:
    return Settings(
        root=folder / "project",
        cache=folder / "cache",
        data=folder / "data",
        jobs=2,
        registry=f"127.0.0.1:{port or free_port()}",
    )


def registry_folder(settings: Settings) -> Path:
    """Where the embedded registry keeps what is of its address."""
    return settings.data / "registry" / settings.registry.replace(":", "_")


@dataclass
class Workshop:
    """Builds images of one small file, and takes them away again."""

    folder: Path
    engine: Engine
    name: str

    def __post_init__(self) -> None:
        self.refs: set[str] = set()
        self.ids: set[str] = set()

    def planned(self, key: str = "a") -> PlannedBuild:
        """A build whose immutable tag follows from its key, and whose floating ones do not."""
        cell = Cell(python="3.11", ray="2.60.0", device="cpu")
        return PlannedBuild(
            build=Build(image=self.name, cell=cell),
            steps=(key * 64,),
            immutable=f"{cell.id}-{key * 12}",
            floating=(cell.id, "latest"),
        )

    def built(self, content: str, key: str = "a", *, says: str | None = None) -> Built:
        """An image with this content; the same key may be built with another content.

        ``key`` is a letter that stands for a whole key of it, or a whole one; ``says`` is the whole
        key in its label, if it is not that of the build.
        """
        whole = (key * 64)[:64]
        ref = step_ref(self.name, whole)
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        (context / "file").write_text(content)
        built = tiny.build(context, ref=ref, key=whole, says=says)
        self.refs.add(ref)
        self.ids.add(built.image_id)
        return built

    def clean(self) -> None:
        for ref in (*self.refs, *self.ids):  # overlay2 keeps an image that lost its tag
            self.engine.remove_image(ref)


def target_at(address: str) -> Target:
    return Target(name="local", registry=f"{address}/team")
