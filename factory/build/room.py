"""Whether there is room on the disk, before anything is begun."""

from __future__ import annotations

import shutil
from pathlib import Path

from factory.errors import MachineError

NEEDED_GIB = 6.0
"""Free space that a build of one new base and its application image may take, cache included."""


def check_room(folders: list[Path], *, needed_gib: float = NEEDED_GIB) -> None:
    """Refuse to begin on a disk that is nearly full: BuildKit fails midway there, and unclearly.

    Raises:
        MachineError: a file system has less free space than ``needed_gib`` (GiB).
    """
    for folder in folders:
        there = next((each for each in (folder, *folder.parents) if each.exists()), None)
        free = shutil.disk_usage(there).free / 2**30 if there else needed_gib
        if free < needed_gib:
            raise MachineError(
                f"the disk of {folder} is nearly full: {free:.1f} GiB free, "
                f"{needed_gib:.1f} needed",
                todo="`invoke clean` removes what the factory made; `docker builder prune` the "
                "engine's build cache",
            )
