"""Statements: what is said, that it is always the same, and that it is about one image."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from factory.evidence.envelope import opened, sealed, signed_bytes
from factory.evidence.statement import (
    STATEMENT,
    build_saying,
    materials,
    read,
    sbom_saying,
    verdict_saying,
)
from factory.model import (
    BuildRecord,
    Check,
    CheckStatus,
    Gate,
    Status,
    Subject,
    Verdict,
    pair_digest,
)

SUBJECT = Subject(name="app:cell", digest="sha256:" + "a" * 64, config_digest="sha256:" + "c" * 64)
VERDICT = Verdict(
    gate=Gate.SCAN,
    config_digest=SUBJECT.config_digest,
    basis="sha256:basis",
    status=Status.PARTIAL,
    partial=("no vulnerability database",),
    checks=(
        Check(name="secrets", status=CheckStatus.PASS, detail=("password: hunter2",)),
        Check(name="vulnerabilities", status=CheckStatus.SKIPPED, reason="no database"),
    ),
    at="2026-11-29T12:00:00+00:00",
)
RECORD = BuildRecord(
    build_id="app:cell",
    key="f" * 64,
    steps=({"kind": "base", "repository https://me:hunter2@code.example/x.git": "d" * 40},),
    base={"rayproject/ray:2.60.0": "sha256:" + "b" * 64},
    partial={"scan": ("no vulnerability database",)},
)
SBOM = json.dumps({"bomFormat": "CycloneDX", "components": [{"name": "ray"}]}).encode()


def test_a_verdict_says_both_digests_and_every_check() -> None:
    said = json.loads(verdict_saying(VERDICT, SUBJECT).payload)
    assert said["_type"] == STATEMENT
    assert said["subject"] == [{"name": "app:cell", "digest": {"sha256": "a" * 64}}]
    assert said["predicate"]["config_digest"] == SUBJECT.config_digest
    checks = said["predicate"]["verdict"]["checks"]
    assert [one["name"] for one in checks] == ["secrets", "vulnerabilities"]


def test_what_a_program_said_is_not_published() -> None:
    assert b"hunter2" not in verdict_saying(VERDICT, SUBJECT).payload


def test_a_login_in_an_address_is_not_published() -> None:
    payload = build_saying(RECORD, SUBJECT).payload
    assert b"hunter2" not in payload
    assert b"code.example/x.git" in payload


def test_the_same_words_are_the_same_bytes() -> None:
    again = replace(VERDICT)
    assert verdict_saying(VERDICT, SUBJECT) == verdict_saying(again, SUBJECT)


def test_what_was_said_is_read_back() -> None:
    verdict = read(verdict_saying(VERDICT, SUBJECT).payload, SUBJECT)
    quiet = tuple(replace(check, detail=()) for check in VERDICT.checks)
    assert (verdict.why, verdict.verdict) == ("", replace(VERDICT, checks=quiet))
    record = read(build_saying(RECORD, SUBJECT).payload, SUBJECT).record
    assert record
    assert (record.key, record.base, record.partial) == (RECORD.key, RECORD.base, RECORD.partial)
    assert read(sbom_saying(SBOM, SUBJECT, "now").payload, SUBJECT).components == 1


def test_a_verdict_on_two_images_is_about_each_of_them() -> None:
    images = (SUBJECT.config_digest, "sha256:" + "e" * 64)
    pair = replace(VERDICT, gate=Gate.VERIFY, images=images, config_digest=pair_digest(*images))
    found = read(verdict_saying(pair, SUBJECT).payload, SUBJECT)
    assert found.why == ""
    assert found.about.startswith("verify with others")
    other = replace(pair, images=images[::-1])  # the digest is not of these in these roles
    assert "judged another image" in read(verdict_saying(other, SUBJECT).payload, SUBJECT).why


OTHER = "sha256:" + "9" * 64


@pytest.mark.parametrize(
    ("subject", "verdict", "why"),
    [
        (replace(SUBJECT, digest=OTHER), VERDICT, "about another image (manifest sha256:9999"),
        (replace(SUBJECT, config_digest=OTHER), VERDICT, "about another image (configuration"),
        (SUBJECT, replace(VERDICT, config_digest=OTHER), "it judged another image"),
    ],
)
def test_what_is_about_another_image_is_told(subject: Subject, verdict: Verdict, why: str) -> None:
    assert why in read(verdict_saying(verdict, subject).payload, SUBJECT).why


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(verdict_saying(VERDICT, SUBJECT).payload)
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"predicate":' * 100_000,
        changed(lambda it: it.pop("subject")),
        changed(lambda it: it.update(subject=[7])),
        changed(lambda it: it.update(predicate=None)),
        changed(lambda it: it["predicate"].pop("verdict")),
        changed(lambda it: it["predicate"]["verdict"].update(status="fine")),
        changed(lambda it: it["predicate"]["verdict"].update(gate="verify")),
    ],
)
def test_what_is_no_such_statement_counts_for_nothing(payload: bytes) -> None:
    assert read(payload, SUBJECT).why


@pytest.mark.parametrize("content", [b"", b"[]", b"[" * 100_000, b'{"bomFormat": "SPDX"}'])
def test_what_is_no_bill_of_materials_is_told(content: bytes) -> None:
    assert materials(content).why


def test_an_envelope_gives_back_what_was_put_into_it() -> None:
    found = opened(sealed(b"payload", b"signature"))
    assert found
    assert (found.payload, found.signatures) == (b"payload", (b"signature",))


def test_what_is_signed_is_as_the_specification_has_it() -> None:
    assert signed_bytes(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"[" * 100_000, b"{}", b'{"payload": "%", "signatures": []}']
)
def test_what_is_no_envelope_is_not_opened(content: bytes) -> None:
    assert opened(content) is None
