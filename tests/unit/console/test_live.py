"""The live table: rendered as a terminal would show it."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from factory.console.live import Live
from factory.model import Outcome, State
from factory.scheduler import Work
from tests.conftest import ROOT

SUBJECTS = [
    f"a-rather-long-image-name:{ray}-py311-{device}-rllib"
    for ray in ("2.55.1", "2.60.0")
    for device in ("cpu", "gpu")
]
WORKS = [
    Work(verb="verify", subject=subject, run=lambda _log: (State.DONE, "")) for subject in SUBJECTS
]


def end(work: Work, state: State, **more: object) -> Outcome:
    fields = {"verb": work.verb, "subject": work.subject, "state": state, **more}
    return Outcome(**fields)  # type: ignore[arg-type]  # a test's own fields


def screen(live: Live, width: int, height: int = 24) -> list[str]:
    """What a terminal of that size would show at its bottom."""
    live._console.size = (width, height)
    console = Console(width=width, file=io.StringIO())
    console.print(live.table())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80])
def test_the_table_fits_and_all_that_runs_can_be_told_apart(tmp_path: Path, width: int) -> None:
    live = Live(tmp_path)
    live.begin(WORKS)
    for work in WORKS:
        live.started(work)
        live.line(work, "日本語 #12 Collecting something with a long name " * 3)
    lines = screen(live, width)
    assert len(lines) == 1 + len(WORKS)
    assert max(map(cell_len, lines)) <= width, "wide letters take two columns"
    assert len({line[10:].split()[0] for line in lines[1:]}) == len(WORKS)
    assert "4 running · 0 waiting" in lines[0]


def test_a_tools_brackets_and_colours_are_no_markup_of_ours(tmp_path: Path) -> None:
    live = Live(tmp_path)
    live.started(WORKS[0])
    live.line(WORKS[0], "step [bold]1[/bold]\x1b[31m")
    live.line(WORKS[0], "   ")
    assert "step [bold]1[/bold]" in screen(live, 120)[1], "a blank line says nothing"


def test_the_totals_go_on_over_several_parts_of_a_run(tmp_path: Path) -> None:
    live = Live(tmp_path)
    live.begin(WORKS[:1])
    live.started(WORKS[0])
    live.ended(end(WORKS[0], State.DONE))
    live.begin(WORKS[1:])
    live.started(WORKS[1])
    assert "1/4 done · 1 running · 2 waiting" in screen(live, 80)[0]


def test_only_what_did_something_gets_a_line_and_the_rest_is_told_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Live(tmp_path) as live:
        live.begin(WORKS)
        for work, state in zip(WORKS, (State.DONE, State.CACHED, State.FAILED), strict=False):
            live.started(work)
            live.ended(end(work, state, reason="[red]why[/red]"))
        live.ended(end(WORKS[3], State.BLOCKED, reason="verify x failed"))
        before = capsys.readouterr().err
    assert [line[:1] for line in before.splitlines()] == ["✓", "✗"]
    assert "why" in before
    after = capsys.readouterr().err
    assert "= 1 cached: 1 verify" in after
    assert "– 1 blocked: verify x failed" in after


RUN = """
import sys, threading
from pathlib import Path
from factory.console.live import Live
from factory.errors import BuildError
from factory.model import State
from factory.scheduler import Work, execute

met = threading.Barrier(4, timeout=60)

def fine(log):
    log("#12 3.400 Collecting something-with-a-name==1.2.3 (from -r requirements.txt) " * 2)
    met.wait()
    live.refresh()
    met.wait()
    return State.DONE, "127.0.0.1:5000/a-rather-long-image-name:2.60.0-py311-cpu-rllib " * 2

def broken(log):
    raise BuildError("the head of the cluster did not answer in its time, which is long " * 2)

subjects = [f"a-rather-long-image-name:2.{ray}.0-py311-{device}-rllib"
            for ray in (55, 60) for device in ("cpu", "gpu")]
works = [Work(verb="verify", subject=one, run=fine, lane="x") for one in subjects]
works += [Work(verb="build", subject=one, run=broken, lane="y") for one in subjects]
with Live(Path(sys.argv[1])) as live:
    execute(works, {"x": 4, "y": 2}, live)
"""


def test_a_run_at_80_columns_leaves_no_wrapped_line(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    env = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES")}
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path)],
        cwd=ROOT,
        env=env | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=follower,
    )
    os.close(follower)
    shown = _everything(leader)
    assert run.communicate(timeout=60)[0] == b""
    assert run.returncode == 0, shown
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown))
    assert max(map(cell_len, lines)) <= 80
    begins = r"\d+/\d+ done · |… (verify|build)  |✗ build   |✓ verify  "
    assert [line for line in lines if line and not re.match(begins, line)] == [], "it goes on"
    drawn = {line[10:].split()[0] for line in lines if line.startswith("… verify")}
    assert len(drawn) == 4
    assert any("4 running" in line for line in lines)
    assert sum(line.startswith("✗ build") for line in lines) == 4


def _everything(leader: int) -> str:
    """All that a terminal is sent until nobody holds it open."""
    found = b""
    while True:
        try:
            some = os.read(leader, 65536)
        except OSError:  # Linux says so when the last writer is gone
            some = b""
        if not some:
            os.close(leader)
            return found.decode()
        found += some
