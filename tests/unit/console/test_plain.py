"""Plain lines on standard error, full logs in files."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from factory.console import Plain, log_path
from factory.model import Outcome, State
from factory.scheduler import Work

WORK = Work(verb="scan", subject="demo:2.60.0-py311-cpu", run=lambda _log: (State.DONE, ""))
OUTCOME = Outcome(
    verb="scan",
    subject="demo:2.60.0-py311-cpu",
    state=State.FAILED,
    reason="a secret",
    seconds=2.04,
)


def test_plain_lines_go_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Plain(tmp_path) as plain:
        plain.begin([WORK])
        plain.note("beware\x1b[0m")
        plain.started(WORK)
        plain.ended(OUTCOME)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "! beware\n"
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


def test_a_log_is_named_only_if_this_run_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Plain(tmp_path / "logs").line(WORK, "of a run before")
    plain = Plain(tmp_path / "logs")
    assert plain.log_of(OUTCOME) == ""
    plain.line(WORK, "text")
    assert plain.log_of(OUTCOME) == "logs/scan-demo_2.60.0-py311-cpu.log"
    monkeypatch.chdir("/")
    monkeypatch.setattr(Path, "cwd", lambda: Path("/elsewhere"))
    assert plain.log_of(OUTCOME).startswith(str(tmp_path))


def test_a_subject_never_leads_out_of_the_logs(tmp_path: Path) -> None:
    assert log_path(tmp_path, "publish", "../../a:b → c").parent == tmp_path


def test_a_log_that_cannot_be_written_fails_no_work_and_is_not_named(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    plain = Plain(tmp_path / "logs")
    plain.line(WORK, "text")
    assert plain.log_of(OUTCOME) == ""


def test_nobody_reading_fails_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    Plain(tmp_path).started(WORK)
