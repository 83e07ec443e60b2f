"""Taking over an image that a target holds already under a key of ours.

Builds are not reproducible bit by bit, and an immutable tag is never rewritten: where two machines
built one key, the first to publish has made the image of that key, and it is that one which has to
be scanned and verified.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from factory.engine import Engine
from factory.errors import PublishError
from factory.model import Built, Names, PlannedBuild, Publication, Target
from factory.publish import move
from factory.publish.keys import is_known, require_key
from factory.publish.manifest import config_digest
from factory.registry import Registry, place


def held(
    registry: Registry, planned: PlannedBuild, target: Target, known: Publication | None
) -> bool:
    """Whether a target holds an image of this build's key under its immutable tag.

    Args:
        known: the last publication of this build there, from the ledger.

    Raises:
        RegistryError: the registry failed.
    """
    names = target.names(planned)
    digest = registry.head(names.repository, names.immutable)
    if digest is None:
        return False
    try:
        _config(registry, names, digest, planned, known)
    except PublishError:  # another key's, or no single image: publishing will refuse it
        return False
    return True


def existing(
    engine: Engine,
    registry: Registry,
    planned: PlannedBuild,
    target: Target,
    *,
    ref: str,
    substituted_base: bool,
    ours: Built | None = None,
    known: Publication | None = None,
    environment: Callable[[str], Mapping[str, str]] = lambda _repository: {},
) -> Built | None:
    """Pull the image that a target holds under this build's immutable tag, if it isn't ours.

    It costs one HEAD where nothing is there, or where ``known`` tells what is.

    Args:
        engine: where the image goes.
        registry: the client for the target's registry.
        planned: the build.
        target: where to look.
        ref: the engine's tag of the build's last step, which will name the pulled image.
        substituted_base: of that step; equal keys have equal bases.
        ours: the step as the engine has it, or ``None`` if it does not.
        known: the last publication of this build there, from the ledger.
        environment: variables for ``docker pull`` from a repository.

    Returns:
        The step as it is in the engine now, to be recorded and judged; ``None`` where the target
        has none, or has ours.

    Raises:
        PublishError: the target holds something that is not one image of this key.
        RegistryError: the registry failed.
    """
    names = target.names(planned)
    digest = registry.head(names.repository, names.immutable)
    if digest is None:
        return None
    config = _config(registry, names, digest, planned, known)
    if ours and ours.config_digest == config:
        return None
    started = time.monotonic()
    variables = environment(names.repository)
    image_id = _pull(engine, place(names.repository, digest), ref, variables)
    return Built(
        key=planned.key,
        ref=ref,
        image_id=image_id,
        config_digest=config,
        substituted_base=substituted_base,
        reason=f"adopted from {target.name}",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=time.monotonic() - started,
        source=target.name,
    )


def _config(
    registry: Registry,
    names: Names,
    digest: str,
    planned: PlannedBuild,
    known: Publication | None,
) -> str:
    repository = names.repository
    if known and is_known(known, planned, repository, digest):
        return known.config_digest
    config = config_digest(registry.require(repository, digest), place(repository, digest))
    require_key(registry, names, planned.key, config)
    return config


def _pull(engine: Engine, name: str, ref: str, variables: Mapping[str, str]) -> str:
    move.docker(
        "pull",
        name,
        failed="the image that is published under this key could not be pulled",
        todo="see that the registry runs and that this disk has room, then run again",
        env=variables,
    )
    engine.tag(name, ref)
    engine.remove_image(name)  # its name by digest only: the step's own tag keeps the image
    image = engine.image(ref)
    if image is None:
        raise PublishError(
            "the pulled image was removed at once",
            where=name,
            todo="see what else removes images from this engine, then run again",
        )
    return image.id
