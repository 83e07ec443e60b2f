"""What is to be run: an image, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from factory.model.cell import Build


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """An image that somebody wants to run.

    Attributes:
        ref: what the engine takes: a repository at a digest, an id, or what was typed.
        name: what people call it: a build's id, or what was typed.
        build: the build that it is of, if it is of one.
        target: where it is published; empty for what is not.
    """

    ref: str
    name: str
    build: Build | None = None
    target: str = ""

    @property
    def unproven(self) -> bool:
        """Whether it is a build that was never published from here."""
        return self.build is not None and not self.target
