"""Removing what the factory made, and only that."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from factory.engine import Engine
from factory.errors import FactoryError
from factory.ledger import Ledger
from factory.model import CREATED
from factory.project import project_of
from factory.publish import local, sweep
from factory.runs import reap
from factory.settings import Settings


def clean(settings: Settings, *, registry: bool, cache: bool) -> Iterator[str]:
    """Remove this tree's images from the engine, what dead runs left there, and ``.factory/``.

    Args:
        registry: also stop the local registry that the factory started, and delete its store.
        cache: also delete what can be fetched again, which other trees share.

    Yields:
        A line for each thing removed.

    Raises:
        MachineError: the engine does not answer; nothing was removed.
        ConfigError: this is not a tree of the factory.
    """
    project_of(settings)
    engine = Engine.connect()
    yield from (f"removed {name}" for name in reap(engine, settings))
    yield from _images(engine, settings)
    if sweep(settings.cache / "logins"):
        yield "removed credentials that a killed run left"
    if settings.state.exists():
        shutil.rmtree(settings.state)
        yield f"removed {settings.state}"
    if registry:
        yield from _registry(settings)
    if cache:
        for name in ("rootfs", "trivy"):
            shutil.rmtree(settings.cache / name, ignore_errors=True)
            yield f"removed {settings.cache / name}"


def _registry(settings: Settings) -> Iterator[str]:
    """Stop the local registry, and delete its store unless one at another port still serves it."""
    if local.stop(settings):
        yield f"stopped the registry at {settings.registry}"
    others = [file.parent for file in settings.data.glob("registry/*/process.json")]
    others += [file.parent for file in settings.data.glob("registry/*/container")]
    if others:
        yield f"kept {settings.data}: another registry serves it (see {others[0]})"
        return
    shutil.rmtree(settings.data, ignore_errors=True)
    yield f"removed {settings.data}"


def _images(engine: Engine, settings: Settings) -> Iterator[str]:
    """The images that this tree's ledger knows, children before parents."""
    path = settings.state / "ledger.sqlite"
    if not path.exists():
        return
    try:
        with Ledger.open(path) as ledger:
            refs = {built.ref for built in ledger.all_built().values() if built.ours}
            refs |= {
                one.ref for one in ledger.all_begun() if engine.bears(one.ref, CREATED, one.created)
            }
    except FactoryError as error:
        yield f"the ledger could not be read, so its images stay: {error.what}"
        return
    for ref in sorted(engine.present(refs)):
        engine.remove_image(ref)
        yield f"removed image {ref}"
