"""One cell with CUDA and RLlib through build, scan and verify: the shipped matrix leaves these out
for their gigabytes.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import half, machine
from benchmarks.figures import Figure
from benchmarks.tree import Tree, workplace
from factory import process, runs
from factory.engine import Engine
from factory.ledger import Ledger
from factory.model import Selection
from factory.settings import Settings

CELL = "*-gpu-rllib"
METHOD = """\
The shipped matrix without the rules that exclude cells with CUDA and RLlib, in a copy of the
project. The first of these cells goes through `invoke build`, `scan` and `verify`, in this order,
cold but for what BuildKit's cache mounts hold of downloads. Layers are by `docker history`, with
those of all parents, unpacked; `image_bytes` is what the engine says, which under the containerd
store is compressed. Peak disk is how much more of the disk that holds the engine's data was in use
than at the start, looked at every second; what others do there counts too.
"""
GATES = ("build", "scan", "verify")
_LOOK = """\
import json, pathlib, sys, torch
named = pathlib.Path("/").rglob("libcudart.so*")
found = sorted(str(path) for path in named if not path.is_symlink())
json.dump({"torch": torch.__version__, "cuda": torch.version.cuda, "runtimes": found}, sys.stdout)
"""
Say = Callable[[str], None]


def run(settings: Settings, selection: Selection, say: Say) -> Figure:
    """Do it, on the first cell that there is, or of those selected.

    Raises:
        FactoryError: a gate refused.
    """
    engine, chosen = Engine.connect(), Selection(only=selection.only or (CELL,))
    with (
        workplace(settings, say) as place,
        place.tree(chosen, _unexcluded, locked=False) as tree,
        _watched(engine.root or settings.cache) as disk,
    ):
        values = _values(tree, engine, chosen, say)
    values["peak_disk_bytes"] = disk[0]
    return Figure(
        name="gpu-rllib",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        method=METHOD,
        machine=machine.facts(engine),
        values=values,
    )


def _unexcluded(matrix: dict[str, Any]) -> None:
    """Drop the rules that are about both."""
    rules = matrix.get("exclude", [])
    both = {"device": "gpu", "rllib": True}
    matrix["exclude"] = [rule for rule in rules if not both.items() <= rule["where"].items()]


def _values(tree: Tree, engine: Engine, chosen: Selection, say: Say) -> dict[str, Any]:
    plan = tree.prepare(chosen).plan
    planned = plan.builds[0]
    ref = plan.steps[planned.key].ref
    values: dict[str, Any] = {"build": planned.build.id, "work": []}
    for gate in GATES:
        say(f"{gate} {planned.build.id}")
        took = half.factory(tree, gate, *half.selecting([planned.build.id]))
        values[f"{gate}_seconds"] = round(took.seconds, 1)
        values["work"] += [f"{verb} {what} {seconds:.1f} s" for verb, what, seconds in took.timings]
    image = engine.image(ref)
    assert image, "it was scanned and booted"
    layers = _layers(ref)
    values["image_bytes"] = image.size
    values["unpacked_bytes"] = sum(layer["bytes"] for layer in layers)
    values["layers"] = layers
    values |= _verdicts(tree.settings)
    return values | (_looked(tree, ref) if planned.build.cell.rllib else {})


def _layers(ref: str) -> list[dict[str, Any]]:
    """The layers with content, the first one first, in bytes on disk."""
    argv = ["docker", "history", "--no-trunc", "--human=false", "--format", "json", ref]
    rows = [json.loads(line) for line in process.run(argv).stdout.splitlines()]
    return [
        {"bytes": int(row["Size"]), "by": " ".join(row["CreatedBy"].split())[:120]}
        for row in reversed(rows)
        if int(row["Size"])
    ]


def _verdicts(settings: Settings) -> dict[str, Any]:
    """What the gates said, and of which checks, a line each."""
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        [record] = ledger.records()
    verdicts = record.verdicts
    return {
        "verdicts": [
            ": ".join([f"{one.gate.value} {one.status.value}", *one.partial]) for one in verdicts
        ],
        "checks": [
            " ".join(filter(None, [one.gate.value, check.name, check.status.value, check.reason]))
            for one in verdicts
            for check in one.checks
        ],
    }


def _looked(tree: Tree, ref: str) -> dict[str, Any]:
    """What the image itself says of torch, and which copies of the CUDA runtime are in it."""
    argv = ["docker", "run", "--rm", "--network=none", f"--label={runs.LABEL}={tree.mark}", ref]
    return {"inside": json.loads(process.run([*argv, "python", "-c", _LOOK]).stdout)}


@contextmanager
def _watched(folder: Path) -> Iterator[list[int]]:
    """How much more of a disk is in use at most, in bytes, as the list's one item."""
    start, peak, ended = shutil.disk_usage(folder).used, [0], threading.Event()

    def watch() -> None:
        while not ended.wait(1.0):
            peak[0] = max(peak[0], shutil.disk_usage(folder).used - start)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
