"""An image from anywhere: what it was found to be, and what was said of it."""

from __future__ import annotations

from dataclasses import dataclass

from factory.model.record import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What an image is, by its own labels and variables, or as it was found when it was asked.

    Attributes:
        ray, python: versions, such as ``2.60.0`` and ``3.11``; empty where nothing tells.
        device: ``cpu`` or ``gpu``.
        cuda: its release, such as ``13.0``, or ``None`` where nothing tells.
        torch: whether torch is installed.
        extras: those of Ray's of which every package is installed, such as ``serve``, in order.
    """

    ray: str = ""
    python: str = ""
    device: str = "cpu"
    cuda: str | None = None
    torch: bool = False
    extras: tuple[str, ...] = ()

    @property
    def rllib(self) -> bool:
        """Whether RLlib can train: Ray's extra does not bring torch."""
        return self.torch and "rllib" in self.extras


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A verdict on an image that need not be a build of this project.

    Attributes:
        ref: what the user calls it.
        facts: what it was judged as.
        suite, workers: how much was asked of it, on how large a cluster.
        cached: whether the verdict was there already.
    """

    ref: str
    facts: Facts
    suite: str
    workers: int
    verdict: Verdict
    cached: bool
