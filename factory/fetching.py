"""The shared edge that gets an image into the engine, and sees that the engine can run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from factory import process
from factory.engine import Engine, EngineImage
from factory.errors import FactoryError
from factory.process import ProcessFailed

_SECONDS = 3600.0


def pull(
    ref: str,
    note: Callable[[str], None],
    error: type[FactoryError],
    env: Mapping[str, str] | None = None,
) -> None:
    """Fetch an image from its registry.

    Args:
        note: is told what takes a while.
        error: what a failure is raised as.
        env: variables for Docker, which may say who we are there.
    """
    note(f"pulling {ref}")
    try:
        process.run(["docker", "pull", "--quiet", ref], env=env, timeout=_SECONDS)
    except ProcessFailed as failure:
        raise error(
            "it could not be pulled",
            where=ref,
            todo="see that the name is right, and that you are logged in where that is needed",
            detail=failure.completed.tail,
        ) from failure


def require_platform(
    engine: Engine, image: EngineImage, ref: str, error: type[FactoryError]
) -> None:
    """Refuse, with ``error``, an image that is for another system or architecture."""
    if image.platform != engine.platform:
        raise error(
            f"it is an image for {image.platform}, and the engine runs {engine.platform}",
            where=ref,
            todo=f"`docker pull --platform {engine.platform} {ref}`, if there is one",
        )
