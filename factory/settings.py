"""Where things are on this machine, read once from the environment at the edge."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.errors import ConfigError

APP = "ray-image-factory"
_COUNT = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
# The domain of a reference, by the Distribution reference grammar, with its port.
_REGISTRY = re.compile(r"[A-Za-z0-9]+(?:[.-]+[A-Za-z0-9]+)*:[0-9]{1,5}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Paths and limits of one invocation.

    Attributes:
        root: the tree that holds ``matrix.yaml``, ``images/`` and ``dockerfiles/``.
        cache: what can be fetched or made again (root file systems, Trivy's database).
        data: what should outlive a checkout (the local registry's store).
        jobs: how many steps may be built at once, and of applications twice as many.
        clusters: how many clusters may, where somebody says; else the engine's size decides.
        registry: ``host:port`` of the local registry.
    """

    root: Path
    cache: Path
    data: Path
    jobs: int
    registry: str
    clusters: int | None = None

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
        """Read ``FACTORY_ROOT``, ``FACTORY_JOBS``, ``FACTORY_CLUSTERS``, ``FACTORY_REGISTRY`` and
        the XDG folders.

        Raises:
            ConfigError: one of the two numbers is none, or ``FACTORY_REGISTRY`` no ``host:port``.
        """
        home = Path(env.get("HOME") or Path.home())
        registry = env.get("FACTORY_REGISTRY", "127.0.0.1:5000")
        if not _REGISTRY.fullmatch(registry):
            raise ConfigError(
                f"FACTORY_REGISTRY is {registry!r}, which is not host:port",
                todo="set it to the local registry's address, such as 127.0.0.1:5000",
            )
        return cls(
            root=Path(env.get("FACTORY_ROOT") or Path.cwd()).resolve(),
            cache=Path(env.get("XDG_CACHE_HOME") or home / ".cache") / APP,
            data=Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / APP,
            jobs=_count(env, "FACTORY_JOBS", "builds") or 2,
            registry=registry,
            clusters=_count(env, "FACTORY_CLUSTERS", "clusters"),
        )


def _count(env: Mapping[str, str], name: str, what: str) -> int | None:
    """How many of these may run at once, if a variable says so."""
    said = env.get(name)
    if said is None:
        return None
    if not _COUNT.fullmatch(said):
        raise ConfigError(
            f"{name} is {said!r}, which is not a whole number from 1 to 999",
            todo=f"set it to how many {what} may run at once, such as 2",
        )
    return int(said)
