"""Where images are published, and what they are called there."""

from __future__ import annotations

from dataclasses import dataclass

from factory.model.plan import PlannedBuild
from factory.model.policy import ScanPolicy
from factory.model.retention import Retention


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """What a build is called at a target.

    Attributes:
        repository: in full, without a tag.
        immutable: the tag that is never rewritten.
        floating: the tags that move to whatever passed last.
    """

    repository: str
    immutable: str
    floating: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A place to publish.

    Attributes:
        name: its key in ``matrix.yaml``.
        registry: ``host:port``, optionally followed by a path prefix.
        accept: the partial reasons with which an image may still be published there.
        scan: the scan gate's policy there, if it differs from everybody's.
        retention: what of old images is kept there; ``None`` where nothing is ever removed.
    """

    name: str
    registry: str
    accept: frozenset[str] = frozenset()
    scan: ScanPolicy | None = None
    retention: Retention | None = None

    def repository(self, image: str) -> str:
        """The full repository name of an image, without a tag."""
        return f"{self.registry}/{image}"

    def names(self, planned: PlannedBuild) -> Names:
        """What a build is called there."""
        return Names(
            repository=self.repository(planned.build.image),
            immutable=planned.immutable,
            floating=planned.floating,
        )
