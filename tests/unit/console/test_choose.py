"""Which form of progress suits where it goes."""

from __future__ import annotations

import io
import os
import pty
import sys
from pathlib import Path

import pytest

from factory.console import Plain, Style, observer, style_of, width_of
from factory.console.ci import Folding
from factory.console.live import Live


@pytest.mark.parametrize(
    ("environ", "terminal", "style"),
    [
        ({"TERM": "xterm"}, True, Style.LIVE),
        ({"TERM": "xterm"}, False, Style.PLAIN),
        ({}, True, Style.LIVE),
        ({"TERM": "dumb"}, True, Style.PLAIN),
        ({"CI": "true"}, True, Style.PLAIN),
        ({"CI": "true", "GITHUB_ACTIONS": "true"}, False, Style.GITHUB),
        ({"CI": "true", "GITHUB_ACTIONS": "true"}, True, Style.GITHUB),
        ({"CI": "true", "GITLAB_CI": "true"}, False, Style.GITLAB),
        ({"GITHUB_ACTIONS": "false", "GITLAB_CI": ""}, False, Style.PLAIN),
    ],
)
def test_the_environment_decides(environ: dict[str, str], terminal: bool, style: Style) -> None:
    assert style_of(environ, terminal=terminal) is style


def test_each_style_has_its_observer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert type(observer(tmp_path)) is Plain, "pytest's standard error is no terminal"
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert type(observer(tmp_path)) is Live
    monkeypatch.setenv("GITLAB_CI", "true")
    assert type(observer(tmp_path)) is Folding
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert type(observer(tmp_path)) is Folding


def test_only_a_terminal_has_a_width(tmp_path: Path) -> None:
    import termios

    assert width_of(io.StringIO()) is None
    with (tmp_path / "file").open("w") as file:
        assert width_of(file) is None
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 73))
    with os.fdopen(leader), os.fdopen(follower, "w") as terminal:
        assert width_of(terminal) == 73
