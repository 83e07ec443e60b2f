"""What is in images, and how two differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What is in an image.

    Attributes:
        packages: such as ``pypi numpy`` to their versions.
        findings: secrets, broken rules and known vulnerabilities, in words.
        judged: whether there was a database to know vulnerabilities by.
        sizes: step to the bytes of its layers, unpacked, the lowest first: all together what a size
            budget counts.
    """

    packages: Mapping[str, str] = field(default_factory=dict)
    findings: frozenset[str] = frozenset()
    judged: bool = True
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentDifference:
    """How an image differs from another one.

    Attributes:
        packages: those that differ: name to (version, other version); ``None`` where there is none.
        gone, new: findings that only the one has, and only the other.
        sizes: step to bytes in the one and in the other, of every step.
        judged: whether vulnerabilities of both were known.
    """

    packages: Mapping[str, tuple[str | None, str | None]]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    sizes: Mapping[str, tuple[int, int]]
    judged: bool


def difference(one: Content, other: Content) -> ContentDifference:
    """How the second differs from the first."""
    names = sorted({*one.packages, *other.packages})
    versions = {name: (one.packages.get(name), other.packages.get(name)) for name in names}
    steps = dict.fromkeys((*one.sizes, *other.sizes))
    return ContentDifference(
        packages={name: pair for name, pair in versions.items() if pair[0] != pair[1]},
        gone=tuple(sorted(one.findings - other.findings)),
        new=tuple(sorted(other.findings - one.findings)),
        sizes={step: (one.sizes.get(step, 0), other.sizes.get(step, 0)) for step in steps},
        judged=one.judged and other.judged,
    )
