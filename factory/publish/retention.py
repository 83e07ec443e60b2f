"""What goes from a target and what stays: facts in, decisions out. Pure.

Whatever is not known to be superfluous stays. A manifest goes only if every tag that names it is
one of the factory's, and nothing keeps any build that it is of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from factory.model import Build, Decision, Publication, Retention, Target, build_of
from factory.model.naming import values_of


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """One repository as it is, and what is known of it.

    Attributes:
        repository: in full.
        tags: to the digest that each names, without those of attachments.
        releases: all that was ever published there, oldest first.
        awaited: the digests that floating tags may be about to name, or to name again.
        current: the ids of the builds that the matrix has now.
        now: the time.
        within: what indexes list that others have put there.
    """

    repository: str
    tags: Mapping[str, str]
    releases: Sequence[Publication]
    awaited: frozenset[str]
    current: frozenset[str]
    now: datetime
    within: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Every tag that the factory has ever written there."""
        return frozenset(tag for one in self.releases for tag in (one.immutable, *one.floating))

    @property
    def floating(self) -> frozenset[str]:
        """Those of them that move."""
        return frozenset(tag for one in self.releases for tag in one.floating)


def is_there(target: Target, one: Publication, build: Build | None) -> bool:
    """Whether something was published where its target is now. What a target had at another
    address, or by another template, is not the target's any more.

    Args:
        build: the one that it is of; ``None`` if that left the matrix.
    """
    if build is not None:
        return target.repository_of(build) == one.repository
    return re.fullmatch(_repositories(target, one.build_id), one.repository) is not None


def _repositories(target: Target, build_id: str) -> str:
    """A pattern of what the repository of a build that left the matrix may be called: its id does
    not tell the user's own axes by their names, so that any value will do for these."""
    image, _, cell = build_id.partition(":")
    build = build_of(build_id)
    known = values_of(build) if build else {"image": image, "cell": cell}
    template = target.naming.repository if target.naming else "{image}"
    words = re.split(r"\{([^{}]*)\}", template)
    names = (re.escape(known[one]) if one in known else "[^/]+" for one in words[1::2])
    texts = map(re.escape, words[::2])
    path = "".join(text + next(names, "") for text in texts)
    return re.escape(f"{target.registry}/") + path


def decide(shelf: Shelf, retention: Retention) -> tuple[Decision, ...]:
    """What becomes of each manifest that a tag names; in the order of tags."""
    by_digest: dict[str, list[str]] = {}
    for tag, digest in sorted(shelf.tags.items()):
        by_digest.setdefault(digest, []).append(tag)
    return tuple(
        _decision(shelf, retention, digest, tuple(tags)) for digest, tags in by_digest.items()
    )


def _decision(shelf: Shelf, retention: Retention, digest: str, tags: tuple[str, ...]) -> Decision:
    builds = list(
        dict.fromkeys(one.build_id for one in shelf.releases if one.manifest_digest == digest)
    )
    keep, why = _kept(shelf, retention, digest, tags, builds)
    return Decision(
        repository=shelf.repository,
        digest=digest,
        tags=tags,
        build_id=builds[-1] if builds else "",
        keep=keep,
        why=why,
    )


def _kept(
    shelf: Shelf, retention: Retention, digest: str, tags: Iterable[str], builds: Sequence[str]
) -> tuple[bool, str]:
    foreign = [tag for tag in tags if tag not in shelf.names]
    if not builds:
        return True, "it was not published from here"
    if foreign:
        return True, f"the tag {foreign[0]} is not the factory's"
    if digest in shelf.within:
        return True, "an index that is not the factory's lists it"
    reasons = [_reason(shelf, retention, digest, build) for build in builds]
    leaving = [build for build in builds if _leaves(shelf, retention, build)]
    moving = [tag for tag in tags if tag in shelf.floating]
    if moving and len(leaving) < len(builds):
        return True, f"{moving[0]} names it"
    if digest in shelf.awaited:
        return True, "floating tags are moving, or may move to it, or be put back to it"
    found = next((reason for reason in reasons if reason), "")
    return bool(found), found or _nothing(retention, leaving)


def _reason(shelf: Shelf, retention: Retention, digest: str, build: str) -> str:
    """What keeps an image as one of a build; empty if nothing does."""
    if build not in shelf.current and retention.ended == "keep":
        return "its cell left the matrix, whose images are kept"
    own = [one for one in shelf.releases if one.build_id == build]
    since = shelf.now - timedelta(days=retention.keep_days)
    leaves = _leaves(shelf, retention, build)
    if _named_until(own, digest, shelf.now, leaves=leaves) >= since:
        return f"a floating tag named it within {retention.keep_days} days"
    order = list(dict.fromkeys(one.manifest_digest for one in reversed(own)))
    if not leaves and order.index(digest) < retention.keep_last:
        return f"it is one of the last {retention.keep_last} of its build"
    return ""


def _leaves(shelf: Shelf, retention: Retention, build: str) -> bool:
    return build not in shelf.current and retention.ended == "remove"


def _named_until(
    own: Sequence[Publication], digest: str, now: datetime, *, leaves: bool
) -> datetime:
    """When a floating tag of a build named an image last: until something else of the build was
    published. Of one that left the matrix it is not known when; there, when it was published."""
    times = []
    for at, one in enumerate(own):
        if one.manifest_digest == digest:
            later = [other.at for other in own[at + 1 :] if other.manifest_digest != digest]
            last = one.at if leaves else ""
            said = later[0] if later else last
            times.append(datetime.fromisoformat(said) if said else now)
    return max(times)


def _nothing(retention: Retention, leaving: Sequence[str]) -> str:
    if leaving:
        return f"its cell left the matrix, more than {retention.keep_days} days after it was made"
    return f"older than {retention.keep_days} days, and not one of the last {retention.keep_last}"
