"""What launchers take for granted in a Ray image, as far as it shows from inside the head."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..protocol import Expected
from .cluster import expect


def contract(_: Expected) -> None:
    """``ray up`` and KubeRay run bash and ``ray``; a token in the image locks everyone out."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() raises where there is none
    for program in ("bash", "ray"):
        expect(shutil.which(program) is not None, f"there is no `{program}` on PATH")
    expect(os.getuid() != 0, "the image runs as root")
    expect(os.access(home, os.W_OK), f"{home} is not writable by user {os.getuid()}")
    token = home / ".ray" / "auth_token"
    expect(not token.exists(), f"the image contains a secret, {token}: remove it and rebuild")
