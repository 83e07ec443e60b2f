"""Which step brought a layer: read from the image's own history, so that it can be told anywhere.
Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from factory.dockerfile import STEP_LABEL

BASE = "base"
"""The name of the step that everything stands on."""

UPSTREAM = "all layers"
"""In the place of steps, where none is named."""

_MARK = re.compile(rf"LABEL {re.escape(STEP_LABEL)}=\"?([a-z0-9:._-]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """A step, and whether what it brings is inherited: it is not for the user to change."""

    step: str
    inherited: bool

    def __str__(self) -> str:
        return f"inherited from {self.step}" if self.inherited else f"from {self.step}"


def origins(configuration: Mapping[str, Any]) -> dict[str, Origin]:
    """Diff id of each layer to the step that brought it; empty for an image whose history does not
    begin with a base of ours, or does not fit its layers: nothing of it is taken for inherited.

    Args:
        configuration: of the image, as OCI has it.
    """
    layers = (configuration.get("rootfs") or {}).get("diff_ids") or ()
    history = configuration.get("history") or ()
    steps, marks = list(_steps(history)), list(_marks(history))
    if len(steps) != len(layers) or marks[:1] != [BASE] or BASE in marks[1:]:
        return {}
    return {layer: _origin(step) for layer, step in zip(layers, steps, strict=True)}


def sizes(layers: Iterable[tuple[str, int]], found: Mapping[str, Origin]) -> dict[str, int]:
    """Bytes of the layers of each step, the lowest first; of all as one where it is not known what
    brought them.

    Args:
        layers: diff id and bytes of each, the lowest first.
        found: what brought them.
    """
    total: dict[str, int] = {}
    for layer, size in layers:
        step = found[layer].step if layer in found else UPSTREAM
        total[step] = total.get(step, 0) + size
    return total


def on_disk(history: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The same as the engine counts it, which says what a layer takes on its disk.

    Args:
        history: instruction and bytes of each entry of an image's history, the oldest first.
    """
    found: dict[str, int] = {}
    entries = list(history)
    step = BASE if any(_MARK.match(instruction) for instruction, _ in entries) else UPSTREAM
    for instruction, size in entries:
        marked = _MARK.match(instruction)
        step = _origin(marked.group(1)).step if marked else step
        found[step] = found.get(step, 0) + size
    return found


def _marks(history: Any) -> Iterator[str]:
    """The steps that a history names, in order."""
    found = (_MARK.match(str(entry.get("created_by") or "")) for entry in history)
    yield from (marked.group(1) for marked in found if marked)


def _steps(history: Any) -> Iterator[str]:
    """The step of each entry that has a layer; empty below the first."""
    step = ""
    for entry in history:
        step = next(_marks([entry]), step)
        if not entry.get("empty_layer"):
            yield step


def _origin(step: str) -> Origin:
    """What is below the first step of ours, which is the base, came with that."""
    return Origin(step=step.removeprefix("app:") or BASE, inherited=step in ("", BASE))
