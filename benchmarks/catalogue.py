"""The benches and soaks by name. What they need is imported when one of them runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from benchmarks.figures import Figure
from factory.errors import ConfigError
from factory.matrix import near
from factory.model import Selection
from factory.settings import Settings

FIGURES = Path(__file__).parent / "figures"
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A bench or a soak: the module whose ``run`` it is, what it does, in a line, and what its
    figure is called, where another has its name."""

    module: str
    about: str
    figure: str = ""


BENCHES: Mapping[str, Entry] = {
    "release": Entry(
        module="release",
        about="a cold release beside a serial script that does the same, at most 0.7 of its time",
    ),
    "republish": Entry(
        module="republish",
        about="one line changed, until all is published again: twice as fast as a serial script",
    ),
    "memory": Entry(
        module="memory",
        about="the factory's own CPU (5 % of all) and memory (150 MB) in a cold release",
    ),
    "matrix": Entry(module="matrix", about="`invoke matrix`, start-up included, within 0.3 s"),
    "noop": Entry(
        module="noop",
        about="nothing changed, 96 builds: within 0.5 s, and 12 times as fast as bake",
    ),
    "plan": Entry(
        module="plan", about="the plan of 1,000 builds within 1 s, and of 10,000 as fast a build"
    ),
    "edit": Entry(module="edit", about="one line of application code changed: no slower than bake"),
    "context": Entry(
        module="context",
        about="an unchanged context of 10,000 files and 2 GB, within twice `git status`",
    ),
    "scan": Entry(
        module="scanning",
        about="16 builds, 2.5 times one; judged anew by a newer database, 5 s",
    ),
    "verify": Entry(
        module="verifying",
        about="one image, 1.3 times the bare minimum; eight, 0.75 of eight times one; full, 90 s",
        figure="verify-speed",
    ),
    "cluster": Entry(
        module="clustering",
        about="`cluster.up` to a first result, within 1.3 times a bare Compose file",
    ),
    "rllib-boot": Entry(
        module="rllib_boot",
        about="from the registry to a job with RLlib: 5 times as fast as nodes that install it",
    ),
    "publish": Entry(
        module="publishing",
        about="nothing new, one line changed, promotion; and `docker push` in a loop, 10 times",
        figure="publish-speed",
    ),
}
SOAKS: Mapping[str, Entry] = {
    "verify": Entry(
        module="controls",
        about="images that are broken on purpose, each caught by name; a good one, 20 times",
    ),
    "gpu-rllib": Entry(
        module="gpu_rllib",
        about="a cell with CUDA and RLlib, which the matrix leaves out: gigabytes to download",
    ),
    "identity": Entry(
        module="identity.soak",
        about="random projects and changes: rebuilds that keys miss, or ask for in vain",
    ),
    "publish": Entry(
        module="faults.soak",
        about="some 400 publications that meet a fault: no tag ever names what was not judged",
        figure="publish-faults",
    ),
    "fuzz": Entry(
        module="fuzz.soak",
        about="100,000 made-up inputs: no traceback, no injection, no hang",
    ),
}


def listing(entries: Mapping[str, Entry]) -> str:
    """What there is, a line each."""
    width = max(map(len, entries))
    return "\n".join(f"{name:{width}}  {entry.about}" for name, entry in entries.items())


def measure(
    entries: Mapping[str, Entry], name: str, settings: Settings, selection: Selection, say: Say
) -> Figure:
    """Run one and keep its figure: beside the code, or, of a part of the matrix, in ``.factory/``.

    Raises:
        ConfigError: there is none of this name, or it cannot be run on this project.
        FactoryError: it broke off, so that there is no figure.
    """
    if name not in entries:
        raise ConfigError(f"there is no {name!r}", todo=near(name, entries))
    figure: Figure = import_module(f"benchmarks.{entries[name].module}").run(
        settings, selection, say
    )
    folder = settings.state / "figures" if selection.only else FIGURES
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{entries[name].figure or name}.json"
    file.write_text(figure.json(), encoding="utf-8")
    say(f"wrote {file}")
    return figure
