"""The files of an image of the engine, beside those of another one whose layers it stands on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory import process
from factory import trivy as trivy_tool
from factory.errors import Interrupted
from factory.model import FileDifference
from factory.scan import apart, archive, inventory
from factory.scan.changes import Sheet
from factory.scan.members import DAMAGED, entries
from factory.scan.tree import Entry
from factory.trivy import knows_java

Log = Callable[[str], None]
_EVERY = 1024
"""Entries: so often somebody who cancelled the run is heard."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Above:
    """What an image has above the layers that it shares with another one.

    Attributes:
        files: how its files differ from those of the shared layers.
        below: how many entries of its history made the shared layers; those that follow and make
            none, too, since whose they are cannot be told by it.
    """

    files: FileDifference
    below: int


def files_above(
    ref: str, *, config_digest: str, layers: Sequence[str], cache: Path, log: Log
) -> Above:
    """Take an image out of the engine, and list what its layers do to files.

    Args:
        ref: its tag or id in the engine.
        config_digest: what that must lead to.
        layers: the diff ids of the other image's layers, the lowest first; empty if they are not
            known.
        cache: the factory's cache folder.
        log: told each step, in a line.

    Raises:
        ScanError: it is another image, is gone, or there is no room for it.
        MachineError: no engine answers.
        Interrupted: the run was cancelled.
    """
    wanted = apart.Wanted(ref=ref, config_digest=config_digest, history=(), log=log)
    with archive.workspace(trivy_tool.home(cache) / "work") as work:
        images = apart.unpacked([wanted], work)
        image = images.get(config_digest)
        if image is None:
            raise archive.other_image(" or ".join(images), config_digest)
        log("listing files")
        blobs = work / apart.LAYOUT / "blobs" / "sha256"
        manifest = json.loads(_blob(blobs, image.manifest).read_bytes())
        found = image.configuration["rootfs"]["diff_ids"] or []
        shared = _shared(found, layers)
        sheet = Sheet()
        for at, layer in enumerate(manifest["layers"]):
            _read(sheet, blobs, layer, at, shared)
    return Above(
        files=sheet.difference(on_own=bool(layers) and shared == len(layers)),
        below=_below(image.configuration, shared),
    )


def kept_layers(config_digest: str, cache: Path) -> tuple[str, ...]:
    """The diff ids of the layers of an image of ours that was scanned here, the lowest first; empty
    if they are not known.

    Raises:
        MachineError: there is no Trivy, or a trojaned one.
    """
    tool, home = trivy_tool.locate(), trivy_tool.home(cache)
    found = inventory.latest(home, config_digest, tool, java=knows_java(home))
    return tuple(found.report.origins) if found else ()


def _blob(blobs: Path, digest: str) -> Path:
    return blobs / digest.partition(":")[2]


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many layers, from the lowest on, two images have in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _read(sheet: Sheet, blobs: Path, layer: Mapping[str, Any], at: int, shared: int) -> None:
    """Take one layer, as far as it can be read."""
    file, media_type = _blob(blobs, layer["digest"]), layer["mediaType"]
    try:
        sheet.layer(_while_wanted(entries(file, media_type)), shared=at < shared)
    except DAMAGED as error:
        sheet.unread(f"layer {at + 1}: {error}")


def _while_wanted(found: Iterable[tuple[str, Entry]]) -> Iterator[tuple[str, Entry]]:
    for at, one in enumerate(found):
        if at % _EVERY == 0 and process.is_cancelled():
            raise Interrupted("interrupted")
        yield one


def _below(configuration: Mapping[str, Any], shared: int) -> int:
    """How many entries of a history belong to so many layers; see ``Above.below``."""
    left = shared
    history = configuration.get("history") or ()
    for at, one in enumerate(history):
        if not one.get("empty_layer"):
            if not left:
                return at
            left -= 1
    return len(history)
