"""What no quicker suite than the full one catches. Data, and nothing else."""

from __future__ import annotations

from benchmarks.planted import SITE, Control

CONTROLS = (
    Control(
        planted="64 MiB of shared memory",
        sizes={"SHM_SIZE": "64m"},
        caught_by=("object-store",),
        says="shm",
        suite="full",
    ),
    Control(
        planted="a worker without pandas",
        lines=f"RUN rm -r {SITE}/pandas {SITE}/pandas-*",
        on="worker",
        caught_by=("serialization",),
        says="pandas differs",
        suite="full",
    ),
    Control(
        planted="workers that start once and never again",
        lines="RUN mv $(which ray) /home/ray/ray && printf '#!/bin/bash\\n"
        'mkdir /tmp/started || exit 1\\nexec /home/ray/ray "$@"\\n\''
        " >/home/ray/anaconda3/bin/ray && chmod +x /home/ray/anaconda3/bin/ray",
        on="worker",
        caught_by=("worker-loss", "alive"),
        says="no replacement",
        suite="full",
    ),
    Control(
        planted="jobs whose exit code is 0, whatever happened",
        lines='RUN echo \'import atexit, os, sys; "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ '
        "and atexit.register(lambda: (sys.stdout.flush(), os._exit(0)))'"
        f" >{SITE}/at_start.pth",
        caught_by=("job-failure",),
        says="SUCCEEDED",
        suite="full",
    ),
)
