"""Times a program that ends in a fraction of a second:

python -m benchmarks.stopwatch 7 invoke matrix

prints the seconds of each run, as JSON. Several programs, with ``--`` between them, take turns, and
so do their times in what is printed. ``factory.process`` looks every 50 ms whether a program has
ended, which is too coarse here: this one waits in the kernel.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import groupby


def main() -> int:
    """One run to warm up, then as many as asked for; the exit code of the first that fails."""
    runs, *words = sys.argv[1:]
    programs = [list(argv) for split, argv in groupby(words, "--".__eq__) if not split]
    taken = []
    for argv in programs * (int(runs) + 1):
        started = time.perf_counter()
        code = subprocess.call(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
        if code:
            return code
    print(json.dumps(taken[len(programs) :]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
