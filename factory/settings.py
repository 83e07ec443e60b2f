"""Where things are on this machine, read once from the environment at the edge."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.errors import ConfigError

APP = "ray-image-factory"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Paths and limits of one invocation.

    Attributes:
        root: the tree that holds ``matrix.yaml``, ``images/`` and ``dockerfiles/``.
        cache: what can be fetched or made again (root file systems, Trivy's database).
        data: what should outlive a checkout (the local registry's store).
        jobs: how many builds may run at once.
        registry: ``host:port`` of the local registry.
    """

    root: Path
    cache: Path
    data: Path
    jobs: int
    registry: str

    @property
    def state(self) -> Path:
        """The project's own working folder: ledger, rendered files, reports."""
        return self.root / ".factory"

    @property
    def runs(self) -> Path:
        """One lock file a run, machine-wide: a lock that can be had means that its run is dead."""
        return self.cache / "runs"

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Read ``FACTORY_ROOT``, ``FACTORY_JOBS``, ``FACTORY_REGISTRY`` and the XDG folders.

        Raises:
            ConfigError: ``FACTORY_JOBS`` is not a positive whole number.
        """
        home = Path(env.get("HOME") or Path.home())
        jobs = env.get("FACTORY_JOBS", "2")
        if not jobs.isascii() or not jobs.isdigit() or int(jobs) < 1:
            raise ConfigError(
                f"FACTORY_JOBS is {jobs!r}, which is not a positive whole number",
                todo="set it to how many builds may run at once, such as 2",
            )
        return cls(
            root=Path(env.get("FACTORY_ROOT") or Path.cwd()).resolve(),
            cache=Path(env.get("XDG_CACHE_HOME") or home / ".cache") / APP,
            data=Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / APP,
            jobs=int(jobs),
            registry=env.get("FACTORY_REGISTRY", "127.0.0.1:5000"),
        )
