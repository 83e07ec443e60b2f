"""Which tags of a repository may be rewritten, as a registry is told that makes all others
immutable: filters, each a tag with ``*`` for anything. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from factory.errors import ConfigError
from factory.model import Build, Pattern, Target

EVIDENCE = "sha256-*"
"""What evidence is tagged by, such as signatures: more is added to such a tag, so it moves, too."""

MOST = 4
"""Filters for floating tags: ECR takes five for a repository, and evidence has one.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/"""


def filters_of(target: Target, builds: Iterable[Build], repository: str) -> tuple[str, ...]:
    """The filters of one of a target's repositories, by the user's word or else by the tags, and
    that of evidence.

    Args:
        builds: all that there are.

    Raises:
        ConfigError: no filters, or not the user's, mean all floating tags and no immutable one.
    """
    naming, ecr = target.naming, target.ecr
    assert naming, "the matrix gives every target one"
    here = [build for build in builds if target.repository_of(build) == repository]
    floating = list(dict.fromkeys(tag for build in here for tag in naming.floating_of(build)))
    patterns = list({naming.pattern_of(build) for build in here})
    _check((EVIDENCE,), (), patterns, naming.place("tag"))
    if ecr and ecr.exclude:
        _check(ecr.exclude, floating, patterns, naming.place("repositories"))
        return (*ecr.exclude, EVIDENCE)
    found = derived(floating, patterns)
    if found is None:
        raise ConfigError(
            f"no {MOST} filters, which is what ECR leaves, tell the {len(floating)} floating tags "
            f"of {repository} from those that are never rewritten",
            where=naming.place("tag"),
            todo="begin immutable tags as no floating one does (`tag: build-{cell}-{key}`), or "
            "write `repositories: {exclude: [...]}` or `repositories: {immutable: false}`",
            detail=floating[:8],
        )
    return (*found, EVIDENCE)


def derived(floating: Sequence[str], patterns: Sequence[Pattern]) -> tuple[str, ...] | None:
    """At most four filters that mean all these tags, and none that a key could make; ``None`` if
    there are none. Whole tags if they are few, else what they begin or end with."""
    if len(floating) <= MOST:
        return tuple(sorted(floating))
    fit: dict[str, set[str]] = {}
    for tag in floating:
        for one in _candidates(tag, patterns):
            fit.setdefault(one, {other for other in floating if _means(one)(other)})
    left = set(floating)
    found: list[str] = []
    while left and len(found) < MOST:
        best = max(sorted(fit), key=lambda one: (len(fit[one] & left), len(one)))
        found.append(best)
        left -= fit[best]
    return None if left else tuple(sorted(found))


def _candidates(tag: str, patterns: Sequence[Pattern]) -> Iterator[str]:
    yield tag
    for at in (found.start() for found in re.finditer(r"[-._]", tag)):
        if not any(pattern.ends_with(tag[at:]) for pattern in patterns):
            yield f"*{tag[at:]}"
        if not any(pattern.starts_with(tag[: at + 1]) for pattern in patterns):
            yield f"{tag[: at + 1]}*"


def _means(written: str) -> Callable[[str], bool]:
    expression = re.compile(".*".join(re.escape(part) for part in written.split("*")), re.DOTALL)
    return lambda tag: expression.fullmatch(tag) is not None


def _check(
    written: Sequence[str], floating: Sequence[str], patterns: Sequence[Pattern], where: str
) -> None:
    tests = [_means(one) for one in written]
    for tag in floating:
        if not any(test(tag) for test in tests):
            raise ConfigError(
                f"no filter of `exclude` means the floating tag {tag}, which could never move",
                where=where,
                todo="add it, or a filter such as *-cpu",
            )
    for pattern in patterns:
        # Which digits a key has, nobody knows: these are as good as others.
        tag = f"{pattern.before}0a1b2c3d4e5f{pattern.after}"
        for one, test in zip(written, tests, strict=True):
            if test(tag):
                raise ConfigError(
                    f"the filter {one} means immutable tags such as {tag}, too",
                    where=where,
                    todo="write a filter, or a `tag:`, that keeps the two apart",
                )
