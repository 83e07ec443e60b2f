"""The checks that an image brings and inherits, as the factory finds them.

Finding is the factory's, since an image must not choose what it is judged by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from factory.verify.smoke import own
from factory.verify.smoke.suite import Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnFile:
    """One file of checks: its content as it was read, and what was found in it, or what makes it
    unusable.

    Attributes:
        label: what people know it by: its name and that of its folder.
        origin: what the suite knows it by.
    """

    label: str
    origin: str
    content: bytes
    specs: tuple[Spec, ...] = ()
    broken: str = ""

    @classmethod
    def of(cls, number: int, path: Path, content: bytes) -> OwnFile:
        label = f"{path.parent.name}/{path.name}"
        origin = f"{number}-" + re.sub(r"[^A-Za-z0-9_.-]", "_", path.parent.name)
        specs, broken = _found(content, origin)
        return cls(label=label, origin=origin, content=content, specs=specs, broken=broken)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnChecks:
    """All files of checks, those of the outermost parent first."""

    files: tuple[OwnFile, ...] = ()

    @classmethod
    def of(cls, contents: Iterable[tuple[Path, bytes]]) -> OwnChecks:
        files = (OwnFile.of(at, path, content) for at, (path, content) in enumerate(contents))
        return cls(files=tuple(files))

    @property
    def specs(self) -> tuple[Spec, ...]:
        """Every check once: one with the name of an earlier one takes its place, as a method does
        in a subclass."""
        return tuple({spec.name: spec for file in self.files for spec in file.specs}.values())

    @property
    def broken(self) -> str:
        """Which files cannot be used, and why; empty if all can."""
        return " / ".join(f"{file.label}: {file.broken}" for file in self.files if file.broken)


def _found(content: bytes, origin: str) -> tuple[tuple[Spec, ...], str]:
    try:
        return tuple(own.discover(content, origin)), ""
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return (), str(error) or type(error).__name__
