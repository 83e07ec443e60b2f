"""Where images are published, and what they are called there."""

from __future__ import annotations

from dataclasses import dataclass

from factory.model.cell import Build
from factory.model.ecr import Ecr
from factory.model.naming import Naming
from factory.model.plan import PlannedBuild
from factory.model.policy import ScanPolicy
from factory.model.retention import Retention

LOCAL, REGISTRY, HUB, ECR = "local", "registry", "hub", "ecr"
"""Kinds of targets."""

HUB_ADDRESS = "docker.io"
"""Docker Hub, as images name it."""


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
        kind: one of those above.
        naming: how builds are named there; ``None`` is as the plan names them.
        require_clean: whether only what comes from a clean git checkout may be published there.
        promote_only: whether nothing gets there but what is promoted.
        ecr: what there is to know of Amazon's registry, where it is one.
        retention: what of old images is kept there; ``None`` where nothing is ever removed.
    """

    name: str
    registry: str
    accept: frozenset[str] = frozenset()
    scan: ScanPolicy | None = None
    kind: str = LOCAL
    naming: Naming | None = None
    require_clean: bool = False
    promote_only: bool = False
    ecr: Ecr | None = None
    retention: Retention | None = None

    def repository(self, image: str) -> str:
        """The full repository name of an image, without a tag, where no template says another."""
        return f"{self.registry}/{image}"

    def repository_of(self, build: Build) -> str:
        """The full repository name of a build, without a tag."""
        if self.naming is None:
            return self.repository(build.image)
        return f"{self.registry}/{self.naming.repository_of(build)}"

    def names(self, planned: PlannedBuild) -> Names:
        """What a build is called there."""
        build, naming = planned.build, self.naming
        return Names(
            repository=self.repository_of(build),
            immutable=naming.immutable_of(build, planned.key) if naming else planned.immutable,
            floating=naming.floating_of(build) if naming else planned.floating,
        )
