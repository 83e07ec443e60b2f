"""Whether what an image carries satisfies the terms of an audit: closed unless all of it is there.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from factory.evidence.statement import family, moment
from factory.model import (
    REQUIRED,
    SUBSTITUTED_BASE,
    Audit,
    CheckStatus,
    Gate,
    Piece,
    Status,
    Subject,
    Terms,
    Verdict,
)

_ATTACHED = (*(gate.value for gate in REQUIRED), "build", "sbom")
_CLOCKS = timedelta(days=1)
"""How far two machines' clocks may be apart."""


def judge(
    ref: str,
    subject: Subject,
    found: Iterable[Piece],
    others: Iterable[str],
    terms: Terms,
    now: datetime,
    unread: Sequence[Piece] = (),
) -> Audit:
    """What the pieces of evidence that an image carries come to.

    Args:
        found: all of them, good and bad; whoever found them checked signatures.
        others: what else refers to it, by type.
        now: against which ages are told.
        unread: what nobody read, by its own word.
    """
    looked = [_held(piece, terms, now) for piece in found]
    good = [piece for piece in looked if not piece.why]
    newest = {piece.about: piece for piece in sorted(good, key=_age)}
    counting = sorted(newest.values(), key=_order)
    older = [one for one in good if one.at != newest[one.about].at]
    own = [f"{Gate.SCAN.value} at {terms.target}"] if terms.own_scan else []
    missing = tuple(name for name in (*_ATTACHED, *own) if name not in newest)
    ignored = (
        *(one for one in looked if one.why and not _told_signed(one, newest)),
        *(replace(one, why="a newer one is there") for one in older),
    )
    refusals = [*_refusals(counting, ignored, missing, terms), *_unread(unread, counting)]
    return Audit(
        ref=ref,
        subject=subject,
        terms=terms,
        pieces=tuple(counting),
        ignored=ignored,
        others=tuple(dict.fromkeys(others)),
        missing=missing,
        refusals=tuple(dict.fromkeys(refusals)),
        unread=len(unread),
    )


def overlooked(unread: Iterable[Piece], counting: Iterable[Piece]) -> list[Piece]:
    """Of what nobody read that which may say otherwise than what counts: by its own word it is no
    older, or is about something else, or it says nothing. Whoever attached more than anybody reads,
    to hide a refusal, cannot have it say that it is older than what came after it."""
    newest: dict[str, datetime] = {}
    for one in counting:
        at = moment(one.at)
        if at:
            newest[family(one.about)] = max(at, newest.get(family(one.about), at))
    return [one for one in unread if not _is_older(one, newest.get(family(one.about)))]


def _is_older(piece: Piece, newest: datetime | None) -> bool:
    at = moment(piece.at)
    return at is not None and newest is not None and at < newest


def _unread(unread: Sequence[Piece], counting: Iterable[Piece]) -> Iterator[str]:
    found = len(overlooked(unread, counting))
    if found:
        yield (
            f"{len(unread)} more documents about this image were not read; {found} of them may say "
            "otherwise than what counts: see who attached so many, and remove what is not wanted"
        )


def _age(piece: Piece) -> tuple[datetime, bool]:
    """By which the newest comes last; of two of one moment that which refuses."""
    failed = piece.verdict is not None and piece.verdict.status is Status.FAIL
    return moment(piece.at) or datetime.min.replace(tzinfo=UTC), failed


def _told_signed(piece: Piece, newest: Mapping[str, Piece]) -> bool:
    """Whether it is the bill of materials as such, which is there beside the signed statement."""
    return piece.components is not None and not piece.signed and piece.about in newest


def _order(piece: Piece) -> tuple[int, str]:
    first = piece.about.split()[0]
    return (_ATTACHED.index(first) if first in _ATTACHED else len(_ATTACHED), piece.about)


def _held(piece: Piece, terms: Terms, now: datetime) -> Piece:
    """A piece with what is wrong with it under these terms."""
    if piece.why:
        return piece
    if terms.signed and not piece.signer:
        by = "it is signed, but by no trusted key" if piece.signed else "it is not signed"
        return replace(piece, why=by)
    return replace(piece, why=_aged(piece, terms, now)) if piece.verdict else piece


def _aged(piece: Piece, terms: Terms, now: datetime) -> str:
    """Why a verdict is of no day that counts; empty if it is."""
    found = moment(piece.at)
    if found is None:
        return "it does not say when it was found"
    age = now - found
    if age < -_CLOCKS:
        return f"it is of a day to come ({piece.at[:10]})"
    if terms.max_age_days is not None and age > timedelta(days=terms.max_age_days):
        return f"expired: it is {age.days} days old, and {terms.max_age_days} are allowed"
    return ""


def _refusals(
    counting: Sequence[Piece], ignored: Sequence[Piece], missing: Iterable[str], terms: Terms
) -> Iterator[str]:
    for name in missing:
        if name != "sbom":  # it says what is in the image, and nothing of whether that is good
            bad = [piece.why for piece in ignored if piece.about == name]
            noun = "record" if name == "build" else "verdict"
            yield (
                f"there is no {name} {noun} that counts: {bad[0]}"
                if bad
                else (f"there is no {name} {noun}")
            )
    for piece in counting:
        if piece.verdict and piece.verdict.target in ("", terms.target):
            yield from (f"{piece.title}{why}" for why in _shortcomings(piece.verdict, terms))
        if piece.record and piece.record.substituted_base and not terms.accepts(SUBSTITUTED_BASE):
            yield f"not accepted: {SUBSTITUTED_BASE}"


def _shortcomings(verdict: Verdict, terms: Terms) -> Iterator[str]:
    """What of a verdict is no pass that the terms accept, by the rule that publishing has."""
    if verdict.status not in (Status.PASS, Status.PARTIAL):
        yield " failed"
    if not verdict.checks:
        yield " looked at nothing"
    for check in verdict.failures:
        yield f": check `{check.name}` failed: {check.reason or 'no reason given'}"
    skipped = [check for check in verdict.checks if check.status is not CheckStatus.PASS]
    if verdict.status is Status.PASS and skipped:
        yield f" calls itself passed although `{skipped[0].name}` did not"
    if verdict.status is Status.PARTIAL and not verdict.partial:
        yield " is partial for a reason that it does not name"
    for reason in verdict.partial:
        if not terms.accepts(reason):
            yield f": not accepted: {reason}"
