"""Runs one command of the factory in this very process, and writes what it took of the machine:

python -m benchmarks.measured USAGE.json release --only '2.60.0-*'

So own CPU and memory are those of the process that does the work, without the programs that it
starts.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from invoke.main import program

_STATUS = Path("/proc/self/status")


def main() -> int:
    """Run the command; its exit code is this program's."""
    usage, *arguments = sys.argv[1:]
    try:
        program.run(["invoke", *arguments])
        code = 0
    except SystemExit as end:  # how Invoke tells an exit code
        code = end.code if isinstance(end.code, int) else 1
    Path(usage).write_text(json.dumps(_usage()), encoding="utf-8")
    return code


def _usage() -> dict[str, float]:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "own_cpu_seconds": own.ru_utime + own.ru_stime,
        "children_cpu_seconds": children.ru_utime + children.ru_stime,
        "peak_bytes": peak(_STATUS.read_text("ascii")),
    }


def peak(status: str) -> int:
    """The most memory that a process held, in bytes, by its ``/proc/…/status``. ``ru_maxrss`` would
    count what the process that started this one held."""
    [line] = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    sys.exit(main())
