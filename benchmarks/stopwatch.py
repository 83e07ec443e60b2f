"""Times a program that ends in a fraction of a second:

python -m benchmarks.stopwatch 7 invoke matrix

prints the seconds of each run, as JSON. Several programs, with ``--`` between them, take turns, and
so do their times in what is printed. Before each run it may wait a while: an engine goes on working
for seconds after a build has ended, which is not the next program's affair. ``factory.process``
looks every 50 ms whether a program has ended, which is too coarse here: this one waits in the
kernel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import groupby

PAUSE = "FACTORY_BENCH_PAUSE"
"""The variable that has the seconds to wait before each run."""


def main() -> int:
    """One run to warm up, then as many as asked for; the exit code of the first that fails."""
    runs, *words = sys.argv[1:]
    programs = [list(argv) for split, argv in groupby(words, "--".__eq__) if not split]
    pause, taken = float(os.environ.get(PAUSE, "0")), []
    for argv in programs * (int(runs) + 1):
        time.sleep(pause)
        started = time.perf_counter()
        code = subprocess.call(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
        if code:
            return code
    print(json.dumps(taken[len(programs) :]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
