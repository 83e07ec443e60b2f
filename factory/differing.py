"""Comparing two images: those of builds, or any that the engine has."""

from __future__ import annotations

from collections.abc import Callable

from factory import scan as scan_room
from factory.engine import Engine
from factory.errors import ConfigError
from factory.ledger import Ledger
from factory.matrix import near
from factory.model import Content, ContentDifference, ScanPolicy, difference
from factory.project import matrix_of
from factory.settings import Settings


def compare(
    settings: Settings, one: str, other: str, note: Callable[[str], None]
) -> ContentDifference:
    """How the second image differs from the first.

    Args:
        one, other: the id of a build that was made here, or any image as the engine takes it.
        note: is told what takes a while.

    Raises:
        ConfigError: neither the ledger nor the engine knows one of them.
        ScanError: one could not be taken apart.
        MachineError: there is no engine, or no Trivy.
    """
    engine = Engine.connect()
    matrix = matrix_of(settings)
    policy = matrix.scan if matrix else ScanPolicy()
    first, second = (_content(settings, engine, policy, name, note) for name in (one, other))
    return difference(first, second)


def _content(
    settings: Settings, engine: Engine, policy: ScanPolicy, name: str, note: Callable[[str], None]
) -> Content:
    image_id, digest = _image(settings, engine, name)
    return scan_room.content_of(
        image_id, config_digest=digest, policy=policy, cache=settings.cache, log=note
    )


def _image(settings: Settings, engine: Engine, name: str) -> tuple[str, str]:
    """The engine's id and the config digest of an image."""
    path = settings.state / "ledger.sqlite"
    builds: dict[str, str] = {}
    if path.exists():
        with Ledger.open(path) as ledger:
            builds = ledger.made()
            built = ledger.built(builds[name]) if name in builds else None
        if built:
            return built.image_id, built.config_digest
    image = engine.image(name)
    if image is None:
        raise ConfigError(
            f"neither a build that was made here nor an image in the engine is {name!r}",
            todo=near(name, builds) if builds else f"`docker pull {name}`, if it is somewhere",
        )
    return image.id, engine.config_digest(image.id)
