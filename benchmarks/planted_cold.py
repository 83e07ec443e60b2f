"""What is slow to start on purpose. Data, and nothing else."""

from __future__ import annotations

from benchmarks.planted import SITE, Control
from factory.model import Budget

CONTROLS = (
    Control(
        planted="a worker whose every interpreter waits 1.5 s before it begins",
        lines=f"RUN echo 'import time; time.sleep(1.5)' >{SITE}/at_start.pth",
        on="worker",
        budget=Budget(full=8),
        caught_by=("cold-start",),
        says="the budget is 8 s",
        suite="coldstart",
    ),
    Control(
        planted="stripped `.pyc` files, on a worker with 0.2 CPU",
        lines="RUN find $(dirname $(dirname $(which python)))/lib -name '*.pyc' -delete",
        on="worker",
        budget=Budget(throttled=14),
        caught_by=("cold-start-throttled",),
        says="the budget is 14 s",
        suite="coldstart",
    ),
    Control(
        planted="a worker that ends before it joins",
        lines="RUN printf '#!/bin/bash\\necho no licence >&2\\nexit 9\\n' >$(which ray)",
        on="worker",
        caught_by=("cold-start", "alive"),
        says="no licence",
        suite="coldstart",
    ),
)
