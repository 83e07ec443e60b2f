"""Images taken apart, those together that are wanted at one moment: images of one family share
their large layers, which are then taken out of the engine once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from factory.errors import ScanError
from factory.gather import Gathered
from factory.scan import archive, layout, report
from factory.scan.known import Known, exported
from factory.scan.runner import Reader
from factory.trivy import Trivy

MOST = 16
"""How many images are taken apart together."""

_PAUSE = 0.5
"""Seconds: those that are wanted together first ask the engine for their histories."""

LAYOUT = "layout"
"""The layout's folder in a workspace."""

_SHARE = 0.5
"""Of the free disk, what several together may take; one alone takes what it needs."""

History = Sequence[tuple[str, int]]
"""Instruction and bytes of each entry of an image's history, the oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """An image of the engine to be taken apart.

    Attributes:
        ref: its tag in the engine.
        config_digest: what the tag must lead to.
        history: by which it is told what images share.
        log: told each step, in a line.
    """

    ref: str
    config_digest: str
    history: History
    log: Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Apart:
    """What was found in an image.

    Attributes:
        configuration: of the image, as OCI has it; secrets may be in it.
        judged: Trivy's report on that.
        document: Trivy's report on its secrets, which quotes what surrounds them.
        bill: of its materials (CycloneDX), as Trivy wrote it.
    """

    configuration: Mapping[str, Any]
    judged: Mapping[str, Any]
    document: Mapping[str, Any]
    bill: bytes


def take(wanted: Wanted, tool: Trivy, home: Path, *, java: bool) -> Apart:
    """Take one image apart, together with those that other threads want at this moment.

    Args:
        java: whether there is a database by which Java archives are told apart.

    Raises:
        ScanError: it is another image, is gone, or Trivy could not read it.
        MachineError: no engine answers.
        Interrupted: the run was cancelled.
    """
    found = _gathered(tool, home, java)(wanted)
    if isinstance(found, ScanError):
        raise found
    return found


@lru_cache(maxsize=8)
def _gathered(tool: Trivy, home: Path, java: bool) -> Gathered[Wanted, Apart | ScanError]:
    return Gathered(partial(_together, tool, home, java), most=MOST, pause=_PAUSE, alone=True)


def bytes_of(histories: Iterable[History]) -> int:
    """What images have together, in bytes, unpacked: what begins with the same instructions, of the
    same sizes, is taken for shared."""
    layers = {tuple(history[: at + 1]) for history in histories for at in range(len(history))}
    return sum(layer[-1][1] for layer in layers)


def _together(
    tool: Trivy, home: Path, java: bool, wanted: Sequence[Wanted]
) -> list[Apart | ScanError]:
    """What is in each, or why that cannot be told: one that is gone is no other's trouble."""
    home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home).free
    if len(wanted) > 1 and bytes_of(one.history for one in wanted) <= free * _SHARE:
        try:
            return _taken(tool, home, java, wanted)
        except ScanError:
            pass  # each by itself tells which of them it was
    return [_alone(tool, home, java, one) for one in wanted]


def _alone(tool: Trivy, home: Path, java: bool, one: Wanted) -> Apart | ScanError:
    try:
        return _taken(tool, home, java, [one])[0]
    except ScanError as error:
        return error


def _taken(
    tool: Trivy, home: Path, java: bool, wanted: Sequence[Wanted]
) -> list[Apart | ScanError]:
    there = Known(home, tool, java=java)
    with archive.workspace(home / "work") as work:
        refs = [one.ref for one in wanted]
        images = exported(refs, work / LAYOUT, there)
        if images is not None:
            found = _read(Reader(tool, home, work, java=java), work / LAYOUT, images, wanted)
            if not any(isinstance(one, ScanError) for one in found):
                there.add(_layers(images, wanted, found))
                return found
            there.forget()  # Trivy may have, and so each is taken whole
    with archive.workspace(home / "work") as work:
        images = unpacked(wanted, work)
        found = _read(Reader(tool, home, work, java=java), work / LAYOUT, images, wanted)
    there.add(_layers(images, wanted, found))
    return found


def _read(
    reader: Reader, folder: Path, images: Mapping[str, layout.Image], wanted: Sequence[Wanted]
) -> list[Apart | ScanError]:
    texts = [archive.dockerfile(image.configuration) for image in images.values()]
    judged = dict(zip(images, reader.configurations(texts), strict=True))
    return [_apart(reader, folder, images, judged, one) for one in wanted]


def _layers(
    images: Mapping[str, layout.Image], wanted: Sequence[Wanted], found: Sequence[Apart | ScanError]
) -> Iterator[str]:
    """Those that Trivy has read."""
    for one, taken in zip(wanted, found, strict=True):
        if isinstance(taken, Apart):
            yield from images[one.config_digest].layers


def _apart(
    reader: Reader,
    folder: Path,
    images: Mapping[str, layout.Image],
    judged: Mapping[str, Mapping[str, Any]],
    one: Wanted,
) -> Apart | ScanError:
    image = images.get(one.config_digest)
    if image is None:
        return archive.other_image(" or ".join(images), one.config_digest)
    one.log("scanning")
    try:
        read = reader.read(f"{folder}@{image.manifest}")
    except ScanError as error:
        return error
    if report.image_id(read.document) != one.config_digest:
        return archive.other_image(report.image_id(read.document), one.config_digest)
    return Apart(
        configuration=image.configuration,
        judged=judged[one.config_digest],
        document=read.document,
        bill=read.bill,
    )


def unpacked(wanted: Sequence[Wanted], work: Path) -> dict[str, layout.Image]:
    """Make a layout of images of the engine in a workspace; returns them by their config digests.

    Raises:
        ScanError: one of them is gone, or there is no room.
        MachineError: no engine answers.
    """
    for one in wanted:
        one.log("taking the image out of the engine")
    saved = work / "images.tar"
    archive.save([one.ref for one in wanted], saved)
    try:
        return layout.unpack(saved, work / LAYOUT)
    finally:
        saved.unlink(missing_ok=True)
