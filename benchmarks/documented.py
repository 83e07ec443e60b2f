"""The table of controls in docs/verify.md, which is made from what a soak found. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

BEGIN, END = "<!-- controls -->\n", "<!-- /controls -->\n"


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Controls as Markdown: what was planted, which checks said so, and in which words."""
    lines = [
        f"| {one['planted']} | {_names(one['caught_by'])} | {_cell(one['why'])} |" for one in rows
    ]
    return "\n".join(["| planted | caught by | which said |", "|---|---|---|", *lines, ""])


def updated(page: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """The page with this table between its marks.

    Raises:
        ValueError: it has no marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no place for a table of controls")
    return f"{before}{begin}{table(rows)}{end}{after}"


def _names(checks: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in checks) or "**nothing**"


def _cell(text: str) -> str:
    """Fit for a table; a link, a tag or a column that a log happens to contain is none."""
    return "".join(f"\\{char}" if char in "|<>[]*_`\\" else char for char in text)
