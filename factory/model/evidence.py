"""What is said of an image beside it, in its registry, and what an audit makes of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from factory.model.record import SUBSTITUTED_BASE, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Signing:
    """How evidence is signed, and whose is believed.

    Attributes:
        key: the private key by which cosign signs: a path, or ``env://VARIABLE``; unsigned without.
        trust: paths of public keys.
        max_age_days: an older verdict counts for nothing; ``None`` where age does not matter.
    """

    key: str | None = None
    trust: tuple[str, ...] = ()
    max_age_days: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRecord:
    """Of what an image was made.

    Attributes:
        build_id, key: as of its ``PlannedBuild``.
        steps: its steps, the base first: what went into the key of each, as (name, digest).
        base: what the first of them stands on: a reference to its digest, or what root file system.
        revision: the commit of the project's tree, if the image says one.
        created: when its maker began, as the image says.
        substituted_base: whether its base is a stand-in for ``rayproject/ray``.
        partial: what could not be checked of it, by gate.
    """

    build_id: str
    key: str
    steps: tuple[Mapping[str, str], ...]
    base: Mapping[str, str]
    revision: str = ""
    created: str = ""
    substituted_base: bool = False
    partial: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The image that is spoken of.

    Attributes:
        name: for people.
        digest: of its manifest.
        config_digest: of its configuration, which verdicts are bound to.
    """

    name: str
    digest: str
    config_digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One piece of evidence, as it was found.

    Attributes:
        about: what it says: ``scan``, ``verify``, ``build``, ``sbom``, with more behind where there
            are several; the type of what is none of ours.
        at: when it was made, by its own word; empty where it says nothing.
        signed: whether there is a signature on it, whoever's.
        signer: the key that it is proven to be signed by, as the user named it.
        why: what is wrong with it, so that it counts for nothing; empty if nothing is.
        verdict, record: what it says, where it is one.
        components: of a bill of materials, how many it lists.
    """

    about: str
    at: str = ""
    signed: bool = False
    signer: str = ""
    why: str = ""
    verdict: Verdict | None = None
    record: BuildRecord | None = None
    components: int | None = None

    @property
    def title(self) -> str:
        """What it says, for people: of which pair, if that is told."""
        verdict = self.verdict
        pair = verdict.pair if verdict and verdict.images else ""
        return f"{self.about.partition(' (')[0]}: {pair}" if pair else self.about


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What an audit holds an image to.

    Attributes:
        accept: the partial reasons that do not refuse.
        signed: whether only what is signed by a trusted key counts.
        max_age_days: as of ``Signing``.
        target: the target whose own verdicts count too, if it is one's policy.
        own_scan: whether that has a scan policy of its own, by which the image has to be judged.
    """

    accept: frozenset[str] = frozenset()
    signed: bool = False
    max_age_days: int | None = None
    target: str = ""
    own_scan: bool = False

    def accepts(self, reason: str) -> bool:
        """Whether what could not be checked may be left at that."""
        return reason in self.accept


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """What an image carries, and what that comes to.

    Attributes:
        ref: what the user called it.
        subject: what that names.
        terms: what it was held to.
        pieces: that count: the newest of each.
        ignored: others, with what is wrong with them, or older ones.
        others: what else refers to it and is none of ours, by type.
        missing: of what this factory attaches, what is not there.
        refusals: why it does not satisfy the terms; empty if it does.
        unread: how many more documents are about it than were read.
    """

    ref: str
    subject: Subject
    terms: Terms
    pieces: tuple[Piece, ...] = ()
    ignored: tuple[Piece, ...] = ()
    others: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    unread: int = 0

    @property
    def partial(self) -> tuple[str, ...]:
        """All that could not be checked, accepted or not."""
        verdicts = (piece.verdict for piece in self.pieces if piece.verdict)
        found = [reason for verdict in verdicts for reason in verdict.partial]
        records = (piece.record for piece in self.pieces if piece.record)
        found += [SUBSTITUTED_BASE for one in records if one.substituted_base]
        return tuple(dict.fromkeys(found))


def partial_reasons(verdicts: Iterable[Verdict]) -> dict[str, tuple[str, ...]]:
    """What could not be checked, by gate."""
    found: dict[str, list[str]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.gate.value, []).extend(verdict.partial)
    return {gate: tuple(dict.fromkeys(all_of)) for gate, all_of in found.items() if all_of}
