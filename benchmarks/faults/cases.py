"""Every fault, where it can strike, in every kind of publication: the cases. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.faults.rules import Fault, Rule


class Kind(StrEnum):
    """What is done, to what kind of target."""

    OPEN = "publish, open registry"
    GUARDED = "publish, registry with a password"
    BETWEEN = "promote, between two registries"
    WITHIN = "promote, within one registry"
    TAGGED = "publish with evidence, listed under a tag"
    LISTED = "publish with evidence, listed by the registry"


PUBLISHES = (Kind.OPEN, Kind.GUARDED)
VOUCHED = (Kind.TAGGED, Kind.LISTED)
"""Those by which evidence is attached: to a registry without and with the referrers API."""

_DATA = "/blobs/uploads/."
_IMMUTABLE = r"/manifests/[^/]+-[0-9a-f]{12}$"
FLOATING = r"/manifests/(latest|[^/]+-cpu)$"
_ALL = tuple(Fault)
_ANSWER = (Fault.TRUNCATED, Fault.CORRUPT)
_NO_BODY = tuple(fault for fault in Fault if fault not in _ANSWER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A moment of a publication at which a request may meet a fault.

    Attributes:
        method, path: as of ``Rule``.
        faults: those that make sense there: nobody truncates what has no body, and that a body
            that was sent arrives as another one is what its digest is for, which a manifest that is
            sent under a tag has not.
        after: with a reset, the bytes that are let through before it.
        since: as of ``Rule``.
    """

    name: str
    method: str
    path: str
    faults: tuple[Fault, ...] = _NO_BODY
    after: int = 0
    since: str = ""


_LOOK = Position(name="is the immutable tag there", method="HEAD", path=_IMMUTABLE)
_BEGIN = Position(name="a blob is begun", method="POST", path="/blobs/uploads/")
_SENT = Position(
    name="a blob is sent",
    method="PUT|PATCH",
    path=_DATA,
    faults=(*_NO_BODY, Fault.CORRUPT),
    after=10_000,
)
_TAGGED = Position(name="the immutable tag is written", method="PUT", path=_IMMUTABLE)
_READ = Position(
    name="the manifest is read back",
    method="GET",
    path="/manifests/",
    faults=_ALL,
    after=100,
)
_FLOATED = Position(name="a floating tag is written", method="PUT", path=FLOATING)
_FLOAT_LOOK = Position(
    name="is the floating tag there", method="HEAD", path=FLOATING, faults=(*_NO_BODY,)
)
_SOURCE = Position(
    name="a blob is read at the source",
    method="GET",
    path="/blobs/sha256:",
    faults=_ALL,
    after=10_000,
)

_EVIDENCE = (Fault.THROTTLED, Fault.BROKEN, Fault.UNKNOWN_US, Fault.RESET, Fault.TRUNCATED)
_CHECKED = (*_EVIDENCE, Fault.CORRUPT)
"""What happens to what is named by its digest; truncated is the answer that it has arrived."""

_LABELS = Position(
    name="the labels of the image are read",
    method="GET",
    path="/blobs/sha256:",
    faults=_CHECKED,
    after=100,
)
_LISTED = Position(
    name="what refers to the image is asked",
    method="GET",
    path="/(referrers/|manifests/sha256-)",
    faults=_EVIDENCE,
)
_PIECE_BEGUN = Position(
    name="a piece of evidence is begun",
    method="POST",
    path="/blobs/uploads/",
    faults=_EVIDENCE,
    since=_IMMUTABLE,
)
_PIECE_SENT = Position(
    name="a piece of evidence is sent",
    method="PUT",
    path=_DATA,
    faults=_CHECKED,
    after=100,
    since=_IMMUTABLE,
)
_PIECE_PUT = Position(
    name="a piece of evidence is written",
    method="PUT",
    path="/manifests/sha256:",
    faults=_CHECKED,
    after=100,
)
_LIST_PUT = Position(
    name="the list of evidence is written",
    method="PUT",
    path="/manifests/sha256-",
    faults=_EVIDENCE,
    after=100,
)
_LIST_READ = Position(
    name="the list of evidence is read back",
    method="GET",
    path="/manifests/sha256-",
    faults=_CHECKED,
    after=100,
    since="/manifests/sha256-",
)

POSITIONS: Mapping[Kind, tuple[Position, ...]] = {
    Kind.OPEN: (_LOOK, _BEGIN, _SENT, _TAGGED, _READ, _FLOATED, _FLOAT_LOOK),
    Kind.GUARDED: (_BEGIN, _SENT, _TAGGED, _FLOATED),
    Kind.BETWEEN: (_SOURCE, _BEGIN, _SENT, _TAGGED, _READ, _FLOATED, _FLOAT_LOOK),
    Kind.WITHIN: (_BEGIN, _TAGGED, _READ, _FLOATED),
    Kind.TAGGED: (
        *(_LABELS, _LISTED, _PIECE_BEGUN, _PIECE_SENT, _PIECE_PUT),
        *(_LIST_PUT, _LIST_READ, _FLOATED),
    ),
    Kind.LISTED: (_LISTED, _PIECE_BEGUN, _PIECE_SENT, _PIECE_PUT),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One fault, at one position, once or for longer than anybody is patient."""

    kind: Kind
    position: Position
    fault: Fault
    lasting: bool = False

    @property
    def name(self) -> str:
        """What it is called: `--only` takes globs on it."""
        return (
            f"{self.kind}: {self.fault}{' for ever' if self.lasting else ''}, {self.position.name}"
        )

    @property
    def rule(self) -> Rule:
        """What the proxy does."""
        return Rule(
            fault=self.fault,
            method=self.position.method,
            path=self.position.path,
            times=1_000 if self.lasting else 1,
            after=self.position.after,
            since=self.position.since,
        )


def cases() -> Iterator[Case]:
    """All of them. That a fault lasts is tried where it is answered at once: all else is only
    waiting."""
    for kind, positions in POSITIONS.items():
        for position in positions:
            for fault in position.faults:
                yield Case(kind=kind, position=position, fault=fault)
    for position in POSITIONS[Kind.OPEN]:
        yield Case(kind=Kind.OPEN, position=position, fault=Fault.RESET, lasting=True)
    for kind in (Kind.BETWEEN, Kind.TAGGED):
        for position in POSITIONS[kind]:
            yield Case(kind=kind, position=position, fault=Fault.UNAVAILABLE, lasting=True)
