"""Which form suits where the output goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from factory.console.ci import Folding, github_fold, gitlab_fold
from factory.console.plain import Plain


class Style(StrEnum):
    """A form of progress."""

    LIVE = "live"
    PLAIN = "plain"
    GITHUB = "github"
    GITLAB = "gitlab"


def style_of(environ: Mapping[str, str], *, terminal: bool) -> Style:
    """By the environment: a CI folds in its own way and never redraws, whatever it pretends to be.

    ``GITHUB_ACTIONS`` and ``GITLAB_CI`` are ``true`` in the jobs of these two, and only there.
    """
    if environ.get("GITHUB_ACTIONS") == "true":
        return Style.GITHUB
    if environ.get("GITLAB_CI") == "true":
        return Style.GITLAB
    if terminal and not environ.get("CI") and environ.get("TERM") != "dumb":
        return Style.LIVE
    return Style.PLAIN


def observer(logs: Path) -> Plain:
    """The right one for where standard error goes; full logs go to a folder."""
    style = style_of(os.environ, terminal=sys.stderr.isatty())
    if style is Style.LIVE:
        from factory.console.live import Live  # it loads rich, which nothing else needs

        return Live(logs)
    if style is Style.PLAIN:
        return Plain(logs)
    return Folding(logs, github_fold if style is Style.GITHUB else gitlab_fold)


def width_of(stream: TextIO) -> int | None:
    """How many columns a terminal has; ``None`` of anything else, where nothing need be cut."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):  # no terminal; no file at all
        return None
