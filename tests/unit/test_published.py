"""What was published is judged by what is known today, and what changed is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factory import published
from factory import scan as scan_room
from factory.ledger import Ledger
from factory.model import Check, CheckStatus, Gate, Publication, ScanPolicy, Status, Verdict
from factory.report.published import published_document, published_table
from factory.settings import Settings

DIGEST = "sha256:" + "d" * 64
BUILD = "ray-app:2.60.0-py311-cpu"
PUBLICATION = Publication(
    build_id=BUILD,
    key="a" * 64,
    target="local",
    repository="127.0.0.1:5000/ray-app",
    immutable="2.60.0-py311-cpu-aaaaaaaaaaaa",
    floating=("2.60.0-py311-cpu",),
    manifest_digest="sha256:" + "e" * 64,
    config_digest=DIGEST,
    at="2026-11-01T00:00:00+00:00",
)


def verdict(status: CheckStatus, *lines: str, basis: str = "then") -> Verdict:
    check = Check(name="vulnerabilities", status=status, detail=lines)
    return Verdict(
        gate=Gate.SCAN,
        config_digest=DIGEST,
        basis=basis,
        status=Status.FAIL if status is CheckStatus.FAIL else Status.PASS,
        checks=(check,),
        at="2026-11-02T00:00:00+00:00",
    )


class World:
    """A project that has published one image, and a Trivy that is made up."""

    def __init__(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(tree)})
        self.now: Verdict | None = None
        self.policies: list[ScanPolicy] = []
        monkeypatch.setattr(scan_room, "scan_again", self._again, raising=False)
        monkeypatch.setattr(scan_room, "current_parts", lambda *_: {"a": 1}, raising=False)

    def _again(self, *, policy: ScanPolicy, **_: Any) -> Verdict | None:
        self.policies.append(policy)
        return self.now

    def knows(self, *verdicts: Verdict) -> None:
        with Ledger.open(self.settings.state / "ledger.sqlite") as ledger:
            ledger.record_publication(PUBLICATION)
            for one in verdicts:
                ledger.record_verdict(one)

    def latest(self) -> Verdict | None:
        with Ledger.open(self.settings.state / "ledger.sqlite") as ledger:
            return ledger.latest_verdict(Gate.SCAN, DIGEST)


@pytest.fixture
def world(tree: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tree, monkeypatch)


def test_what_is_new_and_what_is_gone_is_told(world: World) -> None:
    world.knows(verdict(CheckStatus.PASS, "accepted: LOW CVE-1", "accepted: LOW CVE-2"))
    world.now = verdict(CheckStatus.FAIL, "CRITICAL CVE-3", "accepted: LOW CVE-1", basis="now")
    [found] = published.judge_published(world.settings, lambda _: None)
    assert found.refused
    assert (found.new, found.gone) == (("CRITICAL CVE-3",), ("accepted: LOW CVE-2",))
    assert world.latest() == world.now, "status knows it, too"
    assert published_table([found]).splitlines() == [
        "BUILD                     TARGET  SCAN                          SINCE IT WAS JUDGED LAST",
        f"{BUILD}  local   scan failed: vulnerabilities  1 new, 1 gone",
        "",
        f"{BUILD} → local",
        "  + CRITICAL CVE-3",
        "  - accepted: LOW CVE-2",
    ]


def test_nothing_new_is_told_as_that(world: World) -> None:
    world.knows(verdict(CheckStatus.PASS, "accepted: LOW CVE-1"))
    world.now = verdict(CheckStatus.PASS, "accepted: LOW CVE-1", basis="now")
    [found] = published.judge_published(world.settings, lambda _: None)
    assert not found.refused
    assert "nothing changed" in published_table([found])


def test_what_is_not_known_here_is_no_pass(world: World) -> None:
    world.knows()
    [found] = published.judge_published(world.settings, lambda _: None)
    assert found.now is None
    assert "not judged: it was not taken apart on this machine" in published_table([found])
    [document] = published_document([found])["published"]
    assert document["status"] is None
    assert document["judged_before"] is None
    assert document["image"] == "127.0.0.1:5000/ray-app:2.60.0-py311-cpu-aaaaaaaaaaaa"


def test_a_day_without_a_database_undoes_no_refusal(world: World) -> None:
    world.knows(verdict(CheckStatus.FAIL, "CRITICAL CVE-3"))
    skipped = Check(name="vulnerabilities", status=CheckStatus.SKIPPED, reason="no database")
    partial = replace(
        verdict(CheckStatus.PASS, basis="now"), status=Status.PARTIAL, checks=(skipped,)
    )
    world.now = partial
    [found] = published.judge_published(world.settings, lambda _: None)
    assert found.refused


def test_what_cannot_be_looked_for_today_is_not_gone(world: World) -> None:
    world.knows(verdict(CheckStatus.PASS, "accepted: LOW CVE-1"))
    skipped = Check(name="vulnerabilities", status=CheckStatus.SKIPPED, reason="no database")
    world.now = replace(
        verdict(CheckStatus.PASS, basis="now"), status=Status.PARTIAL, checks=(skipped,)
    )
    [found] = published.judge_published(world.settings, lambda _: None)
    assert (found.refused, found.new, found.gone) == (False, (), ())


def test_a_targets_own_policy_judges_and_is_no_verdict_for_others(world: World) -> None:
    matrix = world.settings.root / "matrix.yaml"
    text = matrix.read_text()
    matrix.write_text(text.replace("kind: local", "kind: local, scan: {vulnerabilities: [low]}"))
    before = verdict(CheckStatus.PASS)
    world.knows(before)
    world.now = verdict(CheckStatus.FAIL, "LOW CVE-1", basis="now")
    [found] = published.judge_published(world.settings, lambda _: None)
    assert found.refused
    assert world.policies[0].vulnerabilities == {"LOW"}
    assert world.latest() == before
    again = published.judge_published(world.settings, lambda _: None)
    assert (again[0].new, again[0].gone) == ((), ()), "of that target it is known"


def test_many_lines_are_cut(world: World) -> None:
    world.knows()
    world.now = verdict(CheckStatus.PASS, *(f"accepted: LOW CVE-{n}" for n in range(20)))
    [found] = published.judge_published(world.settings, lambda _: None)
    assert published_table([found]).splitlines()[-1] == "  … and 10 more"


def test_where_nothing_was_published_that_is_said(world: World) -> None:
    assert published.judge_published(world.settings, lambda _: None) == ()
    assert published_table([]) == "nothing was published from here"
