"""What is said of an image, as in-toto statements. Pure.

A statement names the manifest that it is about, as every such tool expects, and the configuration,
which is what a verdict is bound to here: it is the same wherever and however the image is stored.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from factory.model import BuildRecord, Piece, Subject, Verdict, pair_digest
from factory.text import hide_logins

STATEMENT = "https://in-toto.io/Statement/v1"
STATEMENT_TYPE = "application/vnd.in-toto+json"
SBOM_TYPE = "application/vnd.cyclonedx+json"

_OURS = "urn:ray-image-factory"
VERDICTS = {"scan": f"{_OURS}:scan:v1", "verify": f"{_OURS}:verify:v1"}
BUILD = f"{_OURS}:build:v1"
SBOM = "https://cyclonedx.org/bom"
TYPES = {**{kind: name for name, kind in VERDICTS.items()}, BUILD: "build", SBOM: "sbom"}
"""Types of predicates, and what they are about."""

WITH_OTHERS = " with others"
UNKNOWN = "unknown"
"""What that is about which cannot be read."""

_NONE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading what a stranger wrote may end in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Saying:
    """A statement to attach.

    Attributes:
        about: which other statement it replaces: that about the same.
        kind: the type of its predicate.
        payload: the statement, in bytes that are always the same for the same words.
        at: when what it says was found.
    """

    about: str
    kind: str
    payload: bytes
    at: str


def verdict_saying(verdict: Verdict, subject: Subject) -> Saying:
    """A verdict with every check, but for the lines that would help to mend one: they quote what a
    program said, and nothing of that is for everybody's eyes."""
    plain = TypeAdapter(Verdict).dump_python(verdict, mode="json")
    for check in plain["checks"]:
        del check["detail"]
    predicate = {"config_digest": subject.config_digest, "verdict": plain}
    kind = VERDICTS[verdict.gate.value]
    return _saying(about_verdict(verdict), kind, predicate, subject, verdict.at)


def build_saying(record: BuildRecord, subject: Subject) -> Saying:
    """Of what the image was made; no value that could be a secret is among it."""
    plain = TypeAdapter(BuildRecord).dump_python(record, mode="json")
    plain["steps"] = [
        {hide_logins(name): value for name, value in step.items()} for step in record.steps
    ]
    predicate = {"config_digest": subject.config_digest, "build": plain}
    return _saying("build", BUILD, predicate, subject, record.created)


def sbom_saying(materials: bytes, subject: Subject, at: str) -> Saying:
    """A bill of materials, as ``cosign verify-attestation --type cyclonedx`` looks for one."""
    return _saying("sbom", SBOM, json.loads(materials), subject, at)


def about_verdict(verdict: Verdict) -> str:
    """Which verdicts take each other's place: a gate's, by one policy, on one set of images."""
    by = f" at {verdict.target}" if verdict.target else ""
    others = f"{WITH_OTHERS} ({verdict.config_digest[7:19]})" if verdict.images else ""
    return f"{verdict.gate.value}{by}{others}"


def family(about: str) -> str:
    """Of which kind a statement is: those on an image with others, whichever, are of one."""
    return about.partition(" (")[0]


def moment(said: str) -> datetime | None:
    """A date as statements have it; ``None`` where it is none, or of no time zone."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _saying(about: str, kind: str, predicate: Any, subject: Subject, at: str) -> Saying:
    document = {
        "_type": STATEMENT,
        "subject": [{"name": subject.name, "digest": {"sha256": subject.digest[7:]}}],
        "predicateType": kind,
        "predicate": predicate,
    }
    payload = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    return Saying(about=about, kind=kind, payload=payload, at=at)


def read(payload: bytes, subject: Subject) -> Piece:
    """What a statement says, and whether it is about an image. Who says so is for others to tell.

    Returns:
        A piece whose ``why`` tells what is wrong with it.
    """
    try:
        document = json.loads(payload)
        kind = str(document["predicateType"])
        named = {str(one["digest"].get("sha256")) for one in document["subject"]}
        predicate = document["predicate"]
    except _NONE:
        return Piece(about=UNKNOWN, why="it is no statement")
    if kind not in TYPES:
        return Piece(about=kind, why="" if subject.digest[7:] in named else _other(named))
    try:
        piece = _piece(TYPES[kind], predicate)
    except _NONE:
        return Piece(about=TYPES[kind], why="it does not say what such a statement says")
    why = "" if named == {subject.digest[7:]} else _other(named)
    return replace(piece, why=why or _bound(piece, predicate, subject))


def _piece(name: str, predicate: Mapping[str, Any]) -> Piece:
    if name == "sbom":
        listed = predicate.get("components") or []
        if predicate.get("bomFormat") != "CycloneDX":
            raise ValueError("it is no bill of materials")
        at = str((predicate.get("metadata") or {}).get("timestamp") or "")
        return Piece(about=name, components=len(listed), at=at)
    if name == "build":
        record = TypeAdapter(BuildRecord).validate_python(predicate["build"])
        return Piece(about=name, record=record, at=record.created)
    verdict = TypeAdapter(Verdict).validate_json(json.dumps(predicate["verdict"]))
    if verdict.gate.value != name:
        raise ValueError("it is another gate's")
    return Piece(about=about_verdict(verdict), verdict=verdict, at=verdict.at)


def materials(content: bytes) -> Piece:
    """What a bill of materials that nobody signed says."""
    try:
        return _piece("sbom", json.loads(content))
    except _NONE:
        return Piece(about="sbom", why="it is no CycloneDX document")


def _bound(piece: Piece, predicate: Mapping[str, Any], subject: Subject) -> str:
    """Why it is about another image by what it says itself; empty if it is about this one."""
    if piece.components is not None:
        return ""
    stated = str(predicate.get("config_digest"))
    if stated != subject.config_digest:
        return f"it is about another image (configuration {stated[:19]}…)"
    verdict = piece.verdict
    if verdict is None or (verdict.config_digest == stated and not verdict.images):
        return ""
    images: Iterable[str] = verdict.images
    pair = len(verdict.images) == 2 and stated in images
    if pair and pair_digest(*verdict.images) == verdict.config_digest:
        return ""
    return f"it judged another image ({verdict.config_digest[:19]}…)"


def _other(named: Iterable[str]) -> str:
    return f"it is about another image (manifest sha256:{next(iter(sorted(named)), '')[:12]}…)"
