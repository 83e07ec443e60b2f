"""A copy of the project in which a bench can do as it likes: with caches, data, a registry and keys
of its own, and the removal of all that it made.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from benchmarks import buildcache
from benchmarks.distribution import free_port
from benchmarks.signals import undisturbed
from factory import base, runs, trivy
from factory.build import host_sources
from factory.cluster.plan import CLUSTER
from factory.context import LEFT_OUT
from factory.engine import Engine
from factory.errors import ConfigError, FactoryError
from factory.model import TEMPLATES, Plan, Rootfs, Selection
from factory.pipeline import Prepared, prepare
from factory.project import load, named_paths
from factory.publish import local
from factory.settings import APP, Settings
from factory.signals import terminable

Say = Callable[[str], None]
Edit = Callable[[dict[str, Any]], None]
_MADE = "made.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A copied project.

    Attributes:
        folder: all of it is below.
        settings: for working in it.
        mark: what is in its keys and in its Debian system, and in no other's.
    """

    folder: Path
    settings: Settings
    mark: str

    @property
    def env(self) -> dict[str, str]:
        """Variables for a command of the factory's to work here. uv's cache of what indexes say is
        the user's, as are BuildKit's cache mounts: downloads are not what is measured."""
        own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"
        return {
            "FACTORY_ROOT": str(self.settings.root),
            "FACTORY_REGISTRY": self.settings.registry,
            "FACTORY_JOBS": str(self.settings.jobs),
            "XDG_CACHE_HOME": str(self.settings.cache.parent),
            "XDG_DATA_HOME": str(self.settings.data.parent),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(own),
            "CI": "true",
        } | ({"FACTORY_CLUSTERS": str(clusters)} if (clusters := self.settings.clusters) else {})

    def prepare(self, selection: Selection) -> Prepared:
        """What a command of the factory would do here."""
        return prepare(self.settings, selection)

    def rootfs(self, rootfs: Rootfs) -> Path:
        """The folder of a Debian system; in a tree that is ready it is there."""
        return base.ensure_rootfs(
            rootfs, cache=self.settings.cache, sources=None, log=lambda _: None
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Workplace:
    """Where a bench keeps its trees."""

    folder: Path
    origin: Settings
    say: Say

    @contextmanager
    def tree(
        self, selection: Selection, edit: Edit = lambda _: None, *, locked: bool = True
    ) -> Iterator[Tree]:
        """A new tree for a ``with`` block, with no image, no layer and no verdict to go by.

        Args:
            selection: the builds that it is for.
            edit: changes the content of its ``matrix.yaml``.
            locked: with the project's locks, which do not know of cells that ``edit`` adds.

        Raises:
            ConfigError: its bases are not made from packages, so that it cannot be made cold.
        """
        mark = f"bench-{secrets.token_hex(4)}"
        folder = self.folder / mark
        tree = Tree(folder=folder, settings=settings_of(folder, self.origin), mark=mark)
        copy(self.origin, tree, edit, locked=locked)
        prepared = tree.prepare(selection)
        note(tree, prepared.plan)
        try:
            _provide(self.origin, tree, prepared.plan, self.say)
            yield tree
        finally:
            self.say("removing what that made")
            with undisturbed():
                _remove(tree.folder, self.say)


@contextmanager
def workplace(settings: Settings, say: Say) -> Iterator[Workplace]:
    """A place for trees; first removes what benches left that were killed."""
    root = settings.cache / "benchmarks"
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root, say)
    folder = root / secrets.token_hex(4)
    lock = folder.with_suffix(".lock")
    with FileLock(lock), terminable():
        folder.mkdir()
        try:
            yield Workplace(folder=folder, origin=settings, say=say)
        finally:
            if not any(folder.iterdir()):  # else the next bench tries again
                folder.rmdir()
                lock.unlink()


def _sweep(root: Path, say: Say) -> None:
    """A place whose lock can be had belongs to nobody alive."""
    for lock in root.glob("*.lock"):
        with suppress(Timeout), FileLock(lock, timeout=0):
            for tree in lock.with_suffix("").glob("*/"):
                say("removing what a killed bench left")
                _remove(tree, say)
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)


def _remove(folder: Path, say: Say) -> None:
    try:
        _unmake(folder)
    except (FactoryError, OSError) as error:
        say(f"not all could be removed, and the next bench tries again: {error}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _unmake(folder: Path) -> None:
    """Remove containers, networks, images, their layers in BuildKit's cache, and the registry of a
    tree; one that is half made, or half removed, is fine."""
    file = folder / _MADE
    if not file.exists():
        return
    made = json.loads(file.read_text("utf-8"))
    settings = settings_of(folder, Settings.from_environment(), made["registry"])
    engine = Engine.connect()
    runs.reap(engine, settings)
    for label in (runs.LABEL, CLUSTER):
        for resource in engine.resources(f"{label}={made['mark']}"):
            engine.remove(resource)
    _remove_images(engine, made)
    local.stop(settings)


def _remove_images(engine: Engine, made: Mapping[str, Any]) -> None:
    # All of them, listed or not: the engine does not list an image whose layers all are what Docker
    # calls zstd, as one is that the factory made and `docker buildx build` then wrote once more.
    for ref in (*made["steps"], *made["baked"], *made["pushed"], *made.get("pulled", ())):
        engine.remove_image(ref)
    buildcache.remove(_marks(made), datetime.fromisoformat(made["at"]))


def _marks(made: Mapping[str, Any]) -> list[str]:
    return [made["mark"], *made["steps"]]


def empty(tree: Tree, pulled: Iterable[str]) -> None:
    """Leave nothing of a tree's images in the engine, so that what was published is in the tree's
    registry alone.

    Args:
        pulled: how they will be pulled from there, which is written down.

    Raises:
        FactoryError: something still uses a layer of theirs.
    """
    file = tree.folder / _MADE
    made = json.loads(file.read_text("utf-8")) | {"pulled": sorted(pulled)}
    file.write_text(json.dumps(made), "utf-8")
    _remove_images(Engine.connect(), made)
    if left := buildcache.left(_marks(made)):
        raise FactoryError(f"the engine still holds {left} layers, which would not be pulled")


def settings_of(folder: Path, origin: Settings, registry: str = "") -> Settings:
    """For working in a tree."""
    return Settings(
        root=folder / "project",
        cache=folder / "cache" / APP,
        data=folder / "data" / APP,
        jobs=origin.jobs,
        registry=registry or f"127.0.0.1:{free_port()}",
        clusters=origin.clusters,
    )


def copy(origin: Settings, tree: Tree, edit: Edit, *, locked: bool = True) -> None:
    """Copy what makes a project, and what its Dockerfiles read; the epoch is the mark.

    Raises:
        ConfigError: its bases are not made from packages.
    """
    project = load(origin)
    root = tree.settings.root
    root.mkdir(parents=True)
    left_out = shutil.ignore_patterns(*LEFT_OUT, *(() if locked else ("locks",)))
    for name in sorted({TEMPLATES, "images", *(Path(it).parts[0] for it in named_paths(project))}):
        shutil.copytree(origin.root / name, root / name, ignore=left_out)
    base_template = root / TEMPLATES / buildcache.BASE
    base_template.write_text(
        buildcache.marked(base_template.read_text("utf-8"), tree.mark), "utf-8"
    )
    content = yaml.safe_load((origin.root / "matrix.yaml").read_text("utf-8"))
    if content["base"].get("source") != "packages":
        raise ConfigError(
            "only bases that are made from packages can be built as if for the first time",
            where="matrix.yaml",
            todo="set `base.source: packages`",
        )
    content["base"]["epoch"] = tree.mark
    edit(content)
    (root / "matrix.yaml").write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")


def note(tree: Tree, plan: Plan) -> None:
    """Write down what will have to be removed, before any of it is made; adds to what is written
    already."""
    file = tree.folder / _MADE
    before = json.loads(file.read_text("utf-8")) if file.exists() else {}
    made: Mapping[str, Iterable[str]] = {
        "steps": (step.ref for step in plan.steps.values()),
        "baked": (f"{planned.build.image}:{planned.immutable}" for planned in plan.builds),
        "pushed": (
            f"{tree.settings.registry}/{planned.build.image}:{tag}"
            for planned in plan.builds
            for tag in (planned.immutable, *planned.floating)
        ),
    }
    now = datetime.now(UTC).isoformat(timespec="seconds")
    whole = {"mark": tree.mark, "registry": tree.settings.registry, "at": now, **before}
    whole |= {kind: sorted({*refs, *before.get(kind, ())}) for kind, refs in made.items()}
    file.write_text(json.dumps(whole), "utf-8")


def _provide(origin: Settings, tree: Tree, plan: Plan, say: Say) -> None:
    """What both halves of a comparison would download: the Debian systems, made unlike any other by
    a file with the mark, and Trivy's database, if there is one."""
    wanted = {step.rootfs for step in plan.steps.values() if step.rootfs}
    epoch = load(origin).matrix.base.epoch
    for rootfs in sorted(wanted, key=lambda one: one.suite):
        sources = host_sources().apt_sources(rootfs.suite)
        ours = replace(rootfs, epoch=epoch)
        made = base.ensure_rootfs(ours, cache=origin.cache, sources=sources, log=lambda _: None)
        folder = tree.settings.cache / "rootfs" / made.name.replace(epoch, tree.mark)
        folder.mkdir(parents=True)
        shutil.copy(made / "rootfs.tar", folder)
        _mark(folder / "rootfs.tar", tree.mark)
        assert tree.rootfs(rootfs) == folder
    _provide_database(origin, tree)
    say(f"a tree of its own: {len(plan.builds)} builds in {len(plan.steps)} steps")


def _mark(tar: Path, mark: str) -> None:
    with tarfile.open(tar, "a") as archive:
        content = f"{mark}\n".encode()
        entry = tarfile.TarInfo("etc/ray-image-factory-benchmark")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))


def _provide_database(origin: Settings, tree: Tree) -> None:
    home, days = trivy.home(origin.cache), load(origin).matrix.scan.database_max_age_days
    if trivy.cached_database(home, days, datetime.now(UTC)):
        shutil.copytree(home / "db", trivy.home(tree.settings.cache) / "db")
