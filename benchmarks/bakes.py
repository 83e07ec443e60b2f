"""Has bake build all targets of a file, so many at a time:

python -m benchmarks.bakes docker-bake.json 8

It has no limit of its own, and beyond some dozens of targets BuildKit gives up waiting for its
clients. Nothing of the factory is loaded, so that next to no time is added to bake's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def main(file: str, at_once: int) -> int:
    """The exit code of the first call that fails, else 0."""
    targets = json.loads(Path(file).read_text("utf-8"))["group"]["default"]["targets"]
    for at in range(0, len(targets), at_once):
        argv = ["docker", "buildx", "bake", "--file", file, *targets[at : at + at_once]]
        code = subprocess.call(argv, stdin=subprocess.DEVNULL)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
