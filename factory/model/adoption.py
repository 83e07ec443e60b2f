"""An image that somebody made by hand and that stands for a cell."""

from __future__ import annotations

from dataclasses import dataclass, fields

from factory.model.content import ContentDifference
from factory.model.files import FileDifference
from factory.model.plan import KEY_DIGITS, PlannedBuild
from factory.model.target import Names, Target

ADOPTED = "adopted"
"""What tags of adopted images have behind the cell's id, and their builds' ids."""


def adopted_id(build_id: str) -> str:
    """Under what the images that stand for a build are published: their own id, lest they take the
    place of the build's."""
    return f"{build_id}-{ADOPTED}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A layer that an image has on top of another one's.

    Attributes:
        made_by: what its history says.
        size: its bytes, unpacked.
    """

    made_by: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoption:
    """What is known of an image that was adopted.

    Attributes:
        build_id: whose image it stands for.
        ref: as it was named.
        config_digest, own_digest: of its configuration, and of that of the cell's own image.
        difference: from the cell's own image to it.
        layers: those that it has and the cell's own has not, the lowest first.
        at: when.
        files: how its files differ; ``None`` in records of before that was noted.
    """

    build_id: str
    ref: str
    config_digest: str
    own_digest: str
    difference: ContentDifference
    layers: tuple[Layer, ...]
    at: str
    files: FileDifference | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptingTarget(Target):
    """A target, as the place of one adopted image: its names show where that comes from.

    Attributes:
        config_digest: the image's.
    """

    config_digest: str

    @classmethod
    def of(cls, target: Target, config_digest: str) -> AdoptingTarget:
        """A target for an image with this config digest."""
        values = {one.name: getattr(target, one.name) for one in fields(target)}
        return cls(**values, config_digest=config_digest)

    def names(self, planned: PlannedBuild) -> Names:
        """Such as ``2.60.0-py311-cpu-adopted-1a2b3c4d5e6f``, and the same without the digits: never
        a tag of the cell's own."""
        floating = f"{planned.build.cell.id}-{ADOPTED}"
        digits = self.config_digest.rpartition(":")[2][:KEY_DIGITS]
        return Names(
            repository=Target.names(self, planned).repository,
            immutable=f"{floating}-{digits}",
            floating=(floating,),
        )
