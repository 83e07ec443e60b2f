"""What a CI folds: whole, under its failure, and safe from what tools say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from factory.console.ci import Folding, github_fold, gitlab_fold
from factory.model import Outcome, State
from factory.scheduler import Work

WORK = Work(verb="verify", subject="demo:1", run=lambda _log: (State.DONE, ""))
FAILED = Outcome(
    verb="verify",
    subject="demo:1",
    state=State.FAILED,
    reason="demo:1: 50% fell,\nall of it",
    detail=("demo:1: it fell", "  | last line"),
    code=5,
)


def test_github_gets_a_group_and_an_annotation() -> None:
    assert github_fold(FAILED, ["  one", "  two"], 0) == [
        "::group::verify demo:1: details",
        "  one",
        "  two",
        "::endgroup::",
        "::error title=verify demo%3A1 failed::50%25 fell, all of it",
    ]


@pytest.mark.parametrize(
    "line", ["::endgroup::", "  ::add-mask::x", "\t::error::x", "a ##[error]x"]
)
def test_what_a_tool_said_is_no_command(line: str) -> None:
    _, shown, *_ = github_fold(FAILED, [line], 0)
    assert not shown.lstrip().startswith("::")
    assert "##[" not in shown


def test_gitlab_gets_a_collapsed_section() -> None:
    assert gitlab_fold(FAILED, ["  one"], 1700000000) == [
        "\x1b[0Ksection_start:1700000000:verify_demo_1[collapsed=true]\r\x1b[0K"
        "verify demo:1: details",
        "  one",
        "\x1b[0Ksection_end:1700000000:verify_demo_1\r\x1b[0K",
    ]
    assert gitlab_fold(FAILED, [], 0) == [], "an empty section would say nothing"


def test_a_failure_is_one_piece_with_its_details_and_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    folding = Folding(tmp_path / "logs", github_fold)
    monkeypatch.setattr(folding, "_say", said.append)
    folding.line(WORK, "text")
    folding.ended(replace(FAILED, detail=("a defect\nwith \x1b[31mcolour", "  | last line")))
    assert len(said) == 1, "nothing of other work can come in between"
    lines = said[0].splitlines()
    assert lines[0].startswith("✗ verify  demo:1  failed: 50% fell")
    assert lines[1].startswith("::group::")
    assert lines[2:6] == [
        "  a defect",
        "  with colour",
        "    | last line",
        "  full log: logs/verify-demo_1.log",
    ]
    assert lines[6] == "::endgroup::"


def test_what_did_not_fail_is_a_plain_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for fold in (github_fold, gitlab_fold):
        folding = Folding(tmp_path, fold)
        folding.started(WORK)
        folding.ended(replace(FAILED, state=State.BLOCKED, reason="build base@0 failed"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(re.match("[…–] verify  demo:1", line) for line in lines)
