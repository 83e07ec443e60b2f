"""What people see while work runs: plain lines on standard error, full logs in files."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.console import Live, Plain, log_path, observer
from factory.model import Outcome, State
from factory.scheduler import Work
from factory.text import clean

WORK = Work(verb="scan", subject="demo:2.60.0-py311-cpu", run=lambda _log: (State.DONE, ""))
OUTCOME = Outcome(
    verb="scan",
    subject="demo:2.60.0-py311-cpu",
    state=State.FAILED,
    reason="a secret",
    seconds=2.04,
)


@given(st.text())
def test_cleaned_text_cannot_touch_a_terminal(text: str) -> None:
    cleaned = clean(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", cleaned)
    cleaned.encode()
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2K\x1b[1Gstep 1/3", "step 1/3"),
        ("\x1b[38;5;196mx\x1b[?25l", "x"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("50 %\r100 %", "50 %100 %"),
        ("a\tb\x9b2J", "a\tb2J"),
        ("über · ✓ 日本", "über · ✓ 日本"),
        ("\u202egnp.exe", "gnp.exe"),
    ],
)
def test_sequences_go_whole_and_letters_stay(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_plain_lines_go_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Plain(tmp_path) as plain:
        plain.started(WORK)
        plain.ended(OUTCOME)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "… scan    demo:2.60.0-py311-cpu\n"
        "✗ scan    demo:2.60.0-py311-cpu  failed: a secret (2.0 s)\n"
    )


def test_the_full_output_goes_to_a_file_of_its_own(tmp_path: Path) -> None:
    with Plain(tmp_path / "logs") as plain:
        plain.line(WORK, "one\x1b[0m")
        plain.line(WORK, "two \udcff")
    path = log_path(tmp_path / "logs", WORK.verb, WORK.subject)
    assert path.name == "scan-demo_2.60.0-py311-cpu.log"
    assert path.read_text() == "one\ntwo \n"


def test_a_subject_never_leads_out_of_the_logs(tmp_path: Path) -> None:
    assert log_path(tmp_path, "publish", "../../a:b → c").parent == tmp_path


def test_a_log_that_cannot_be_written_fails_no_work(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    Plain(tmp_path / "logs").line(WORK, "text")


def test_nobody_reading_fails_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    Plain(tmp_path).started(WORK)


def test_a_pipe_and_a_ci_get_plain_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert type(observer(tmp_path)) is Plain, "pytest's standard error is no terminal"
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert type(observer(tmp_path)) is Live
    monkeypatch.setenv("CI", "true")
    assert type(observer(tmp_path)) is Plain
    monkeypatch.delenv("CI")
    monkeypatch.setenv("TERM", "dumb")
    assert type(observer(tmp_path)) is Plain


def test_the_live_table_shows_what_runs_and_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    monkeypatch.setattr(sys, "stderr", printed := io.StringIO())
    live = Live(tmp_path)
    with live:
        live.started(WORK)
        live.line(WORK, "step [bold]1[/bold]\x1b[31m")
        screen = Console(width=100, file=io.StringIO())
        screen.print(live._table())
        assert isinstance(screen.file, io.StringIO)
        text = screen.file.getvalue()
        assert "demo:2.60.0-py311-cpu" in text
        assert "step [bold]1[/bold]" in text, "a tool's brackets are no markup of ours"
        live.ended(OUTCOME)
        assert live._table().row_count == 0
    assert "✗ scan" in printed.getvalue()
