"""A registry whose disk is full, at one moment or another of a publication."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.distribution import distribution
from benchmarks.faults.cases import Kind
from benchmarks.faults.house import NEW, SECRETS, Attempt, House, registry
from benchmarks.faults.trial import Tried, attempted, seen_wrong, tags_of, tried_again, wanted
from benchmarks.faults.watcher import watching
from factory import process

SIZE_KIB = 2_048
LEFT_KIB = (0, 4, 32, 64, 96, 128, 136)
"""What is left on it: from nothing over the middle of a blob to all but a manifest's place."""

KINDS = (Kind.OPEN, Kind.BETWEEN)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own, in memory. Mounting it takes root."""
    folder.mkdir()
    process.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_KIB}k", "tmpfs", str(folder)])
    try:
        yield folder
    finally:
        process.run(["umount", "--lazy", str(folder)], shielded=True)


def full_disk(house: House, kind: Kind, left_kib: int) -> Tried:
    """Publish to a registry with so much room, and again when there is more."""
    mark = secrets.token_hex(4)
    with (
        small_disk(house.folder / f"disk-{mark}") as disk,
        distribution(house.folder / f"full-{mark}", store=disk / "store") as host,
    ):
        home = replace(house, hosts={**house.hosts, kind: host})
        image = "case"
        home.prepare(kind, image)
        attempt = Attempt(house=home, kind=kind, image=image, key=NEW, host=host)
        filler = disk / "filler"
        _fill(filler, left_kib)
        tags = tags_of(home, kind, image)
        with watching(registry(patient=False), tags, SECRETS) as seen:
            ended = attempted(attempt)
        filler.unlink()
        wrong = [*seen_wrong(home, seen), *tried_again(attempt)]
        ends = {name: registry().head(*at) for name, at in tags.items()}
    wrong += [] if ends == wanted(home) else ["the end state differs"]
    wrong += [ended] if ended not in ("done", "explained") else []
    return Tried(
        kind=kind,
        fault="disk full",
        case=f"{kind}: disk full, {left_kib} KiB left",
        ended=ended,
        struck=1,
        looks=seen.looks,
        seconds=0.0,
        wrong=tuple(wrong),
    )


def _fill(filler: Path, left_kib: int) -> None:
    """Write until nothing fits, and give back what is to be left."""
    with filler.open("wb", buffering=0) as sink:
        try:
            while sink.write(b"\0" * 4096) == 4096:
                pass
        except OSError:
            pass
        sink.truncate(max(filler.stat().st_size - left_kib * 1024, 0))
