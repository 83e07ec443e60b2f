"""``invoke`` with an eye on what it starts: ``spied.py RECORD ARGUMENT…``.

Every argument list that the factory starts a process with is a line of JSON in the file RECORD.
The variable ``CANARY_MIRRORS``, a JSON list, is what apt has on this host instead of what it says
in ``/etc/apt``: nothing, a mirror, or one and that of security updates. It is no argument, since
there are passwords in it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from invoke.main import program

from factory.build import host


def spied(record: Path, arguments: list[str]) -> None:
    """Run a command of the factory."""

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            _, argv, _, _ = details
            with record.open("a") as lines:
                lines.write(json.dumps([os.fsdecode(word) for word in argv]) + "\n")

    sys.addaudithook(watch)
    found = [*json.loads(os.environ["CANARY_MIRRORS"]), None]
    host._apt_mirrors = lambda *_: (found[0], found[1]) if found[0] else None
    program.run(["invoke", *arguments])


if __name__ == "__main__":
    spied(Path(sys.argv[1]), sys.argv[2:])
