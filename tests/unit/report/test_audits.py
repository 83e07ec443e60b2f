"""What an audit found, in words."""

from __future__ import annotations

from dataclasses import replace

from factory.model import Audit, Gate, Status, Terms
from factory.report import audit_document, audit_text
from tests.unit.evidence.test_policy import BUILD, SBOM, SCAN, audited, piece
from tests.unit.evidence.test_statement import RECORD, VERDICT


def found() -> Audit:
    judged = piece(VERDICT, signer="k.pub")
    base = replace(BUILD, record=replace(RECORD, substituted_base=True))
    return audited(judged, base, SBOM, terms=Terms(accept=frozenset({"substituted base"})))


def test_each_piece_has_a_line_and_so_has_what_is_missing_and_what_refuses() -> None:
    text = audit_text(replace(found(), others=("text/plain",), unread=7))
    for part in (
        "✓ scan      2026-11-28T12:00  k.pub",
        "partial: no vulnerability database",
        "✓ build",
        "(a substitute)",
        "3 components",
        "– verify",
        "also there: text/plain",
        "not read: 7 more documents about it",
        "refused: there is no verify verdict",
        "refused: scan: not accepted: no vulnerability database",
    ):
        assert part in text
    assert "every gate" not in text


def test_what_counts_for_nothing_is_told_with_its_reason() -> None:
    text = audit_text(audited(SCAN, replace(SCAN, why="it is about another image")))
    assert "! scan" in text
    assert "it is about another image" in text


def test_what_others_wrote_reaches_no_terminal() -> None:
    nasty = replace(SCAN, about="scan\x1b[2J\nfake line", why="x\x1b[31m")
    text = audit_text(audited(nasty))
    assert "\x1b" not in text
    assert "\nfake line" not in text


def test_a_pair_is_called_by_its_name() -> None:
    name = "ray-app:2.60.0-py311-gpu+2.60.0-py311-cpu"
    about = f"verify with others ({'1' * 12})"
    verdict = replace(VERDICT, gate=Gate.VERIFY, images=("sha256:a", "sha256:b"), pair=name)
    failed = replace(verdict, status=Status.FAIL)
    text = audit_text(audited(piece(failed, about=about)))
    assert f"✓ verify with others: {name} " in text
    assert f"refused: verify with others: {name} failed" in text
    nameless = replace(failed, pair="")
    assert f"✓ {about} " in audit_text(audited(piece(nameless, about=about)))
    [found] = audit_document(audited(piece(failed, about=about)))["evidence"]
    assert (found["about"], found["pair"]) == (about, name)


def test_the_document_says_whether_all_is_well() -> None:
    document = audit_document(found())
    assert document["ok"] is False
    assert document["policy"]["accept"] == ["substituted base"]
    assert document["evidence"][0]["checks"][0]["name"] == "secrets"
