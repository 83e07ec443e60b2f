"""How an image that somebody made by hand differs from the cell's own: packages, findings, files,
and the layers on top."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from factory import process
from factory import scan as scan_room
from factory.engine import Engine
from factory.model import Adoption, Built, Layer, ScanPolicy, difference
from factory.scheduler import Log
from factory.settings import Settings
from factory.text import one_line

_SHOWN = 200
"""Characters of what made a layer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Couple:
    """An image made by hand beside the one that it is to stand for.

    Attributes:
        build_id: the build whose image that is.
        own, made: the cell's own image, and the other one.
    """

    build_id: str
    own: Built
    made: Built


def compared(
    settings: Settings, engine: Engine, policy: ScanPolicy, couple: Couple, log: Log
) -> Adoption:
    """All that differs, to be kept for good.

    Raises:
        ScanError: an image is gone or could not be taken apart.
        MachineError: there is no usable engine, or no Trivy.
    """
    one, other = (
        scan_room.content_of(
            image.image_id,
            config_digest=image.config_digest,
            policy=policy,
            cache=settings.cache,
            log=log,
        )
        for image in (couple.own, couple.made)
    )
    own = engine.image(couple.own.image_id)  # only the list of its layers is needed
    layers = own.layers if own else scan_room.kept_layers(couple.own.config_digest, settings.cache)
    above = scan_room.files_above(
        couple.made.image_id,
        config_digest=couple.made.config_digest,
        layers=layers,
        cache=settings.cache,
        log=log,
    )
    below = len(_history(couple.own.image_id)) if own else above.below
    history = _history(couple.made.image_id)
    return Adoption(
        build_id=couple.build_id,
        ref=couple.made.ref,
        config_digest=couple.made.config_digest,
        own_digest=couple.own.config_digest,
        difference=difference(one, other),
        layers=tuple(map(_layer, history[below if above.files.on_own else 0 :])),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        files=above.files,
    )


def summary(adoption: Adoption) -> str:
    """How much differs, in a line."""
    counts = {
        "packages that differ": len(adoption.difference.packages),
        "files": adoption.files.total.files if adoption.files else 0,
        "layers on top": len(adoption.layers),
    }
    return "; ".join(f"{what}: {count:,}" for what, count in counts.items())


def _layer(entry: dict[str, str]) -> Layer:
    made_by = one_line(str(entry.get("Comment") or entry["CreatedBy"]))
    return Layer(made_by=made_by[:_SHOWN], size=int(entry["Size"]))


def _history(image: str) -> list[dict[str, str]]:
    """What made an image's layers, the lowest first."""
    argv = ["docker", "history", "--no-trunc", "--human=false", "--format={{json .}}", image]
    lines = process.run(argv).stdout.splitlines()
    return [json.loads(line) for line in reversed(lines)]
