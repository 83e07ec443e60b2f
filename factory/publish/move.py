"""Moving layers with ``docker``, which may wait for ever on a connection that is half dead."""

from __future__ import annotations

from collections.abc import Mapping

from factory import process
from factory.errors import PublishError

_SECONDS = 30 * 60.0


def docker(
    verb: str, name: str, *, failed: str, todo: str, env: Mapping[str, str] | None = None
) -> None:
    """``docker push`` or ``docker pull`` a name, within half an hour.

    Args:
        verb: which of both.
        name: the image's name, with its registry.
        failed: what to say happened, and ``todo`` what to do, where it fails.
        env: variables on top of the factory's own.

    Raises:
        PublishError: it failed, or took longer.
    """
    try:
        process.run(["docker", verb, "--quiet", name], env=env, timeout=_SECONDS)
    except process.ProcessFailed as error:
        late = f" within {_SECONDS / 60:.0f} minutes" if error.timed_out else ""
        raise PublishError(
            failed + late, where=name, todo=todo, detail=error.completed.tail[-5:]
        ) from error
