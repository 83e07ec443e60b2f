"""What the annotations of evidence tell without its being read: what it is about, when that was
found, and who signed it. By that it is told what to read first, and what has had its day.

Nothing is believed for their sake: they spare reading what is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

from factory.evidence.statement import WITH_OTHERS, family, moment
from factory.registry import Descriptor

PREDICATE = "in-toto.io/predicate-type"
CREATED = "org.opencontainers.image.created"
ABOUT = "io.ray-image-factory.about"
STATED = "io.ray-image-factory.statement"
SIGNER = "io.ray-image-factory.signer"
"""Annotations: what is said, when that was found, which statement it is, whose key signed it."""

_BEFORE = 1
"""How many older ones stay: who has read a list just now finds one of it there."""

_PAIRS = 15
"""The same of verdicts on an image with others, each of which is about other images."""

_LAST = datetime.max.replace(tzinfo=UTC)
Matter = tuple[str, str, str]
"""What replaces each other: what it is about, whose key signed it, and as what it is stored."""


def superseded(
    listed: Iterable[Descriptor], sent: Sequence[Descriptor], stated: Collection[str]
) -> tuple[Descriptor, ...]:
    """What has had its day, by what was attached just now: all that is older, about the same and by
    the same signer, but for the newest of it. The oldest comes first.

    Args:
        listed: what there was.
        sent: what was attached; what only claims to be there already takes nobody's place.
        stated: the digests of all statements that hold now, whenever they were attached.
    """
    since: dict[Matter, datetime] = {}
    for one in sent:
        matter, at = _matter(one), _at(one)
        if matter and at:
            since[matter] = max(at, since.get(matter, at))
    older: dict[Matter, list[tuple[datetime, Descriptor]]] = {}
    for one in listed:
        matter, at = _matter(one), _at(one)
        if matter in since and at and at < since[matter]:
            older.setdefault(matter, []).append((at, one))
    gone = [
        pair
        for matter, pairs in older.items()
        for pair in sorted(pairs, key=_date, reverse=True)[_spared(matter) :]
    ]
    return tuple(one for _, one in sorted(gone, key=_date) if _stated(one) not in stated)


def first(listed: Sequence[Descriptor], most: int) -> tuple[list[Descriptor], list[Descriptor]]:
    """What to read, if not all is, and the rest: of each matter the newest, then those before them,
    and so on. What does not tell its matter or its date is among the first."""
    if len(listed) <= most:
        return list(listed), []
    seen: Counter[Matter] = Counter()
    ranks: list[tuple[int, Descriptor]] = []
    for one in sorted(listed, key=lambda one: _at(one) or _LAST, reverse=True):
        matter = _matter(one) if _at(one) else None
        ranks.append((seen[matter] if matter else 0, one))
        seen.update([matter] if matter else [])
    order = [one for _, one in sorted(ranks, key=lambda ranked: ranked[0])]
    return order[:most], order[most:]


def _matter(one: Descriptor) -> Matter | None:
    about = one.annotations.get(ABOUT)
    signer = one.annotations.get(SIGNER, "")
    return (family(about), signer, one.artifact_type or one.media_type) if about else None


def _at(one: Descriptor) -> datetime | None:
    return moment(one.annotations.get(CREATED, ""))


def _stated(one: Descriptor) -> str:
    return one.annotations.get(STATED, "")


def _date(pair: tuple[datetime, Descriptor]) -> datetime:
    return pair[0]


def _spared(matter: Matter) -> int:
    return _PAIRS if matter[0].endswith(WITH_OTHERS) else _BEFORE
