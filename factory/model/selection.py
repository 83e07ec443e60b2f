"""What a call is about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The selectors of a call; ``None`` and empty select everything.

    ``only`` and ``skip`` are globs on cell ids or build ids; a build must match one of ``only``
    and none of ``skip``.
    """

    variant: str | None = None
    python: str | None = None
    ray: str | None = None
    rllib: bool | None = None
    image: str | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
