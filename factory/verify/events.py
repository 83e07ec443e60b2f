"""The suite's stream of events → checks. Pure: lines in, values out.

The stream comes from inside an image that is being judged, so it is read as data that may be cut
off, malformed, or full of control characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from factory.model import Check, CheckStatus
from factory.verify.smoke.protocol import PREFIX

_REASON_CHARACTERS = 500
_LINE_CHARACTERS = 300
_DETAIL_LINES = 60
_TERMINAL_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass
class Transcript:
    """What the suite has said so far."""

    planned: list[str] = field(default_factory=list)
    ended: dict[str, Check] = field(default_factory=dict)
    running: str | None = None
    done: bool = False

    def read(self, line: str) -> Check | None:
        """Take in a line of output; the check that it ends, if it does."""
        event = _event(line)
        name = printable(str(event.get("check", "")))
        match event.get("event"):
            case "plan":
                self.planned = [printable(str(check)) for check in _list(event.get("checks"))]
            case "begin":
                self.running = name
            case "end":
                self.running = None
                self.ended[name] = _check(name, event)
                return self.ended[name]
            case "done":
                self.done = True
        return None

    def checks(self, why_cut_off: str) -> tuple[Check, ...]:
        """All checks in their order. Where the suite broke off, the one that ran then has failed
        for the reason given, and those after it are skipped; a suite that broke off outside of
        any check is a failed check of its own."""
        results = [self._result(name, why_cut_off) for name in self.planned]
        whole = self.done and bool(self.planned) and set(self.planned) <= set(self.ended)
        if not whole and self.running not in self.planned:
            results.append(_failed("suite", why_cut_off))
        return tuple(results)

    def _result(self, name: str, why_cut_off: str) -> Check:
        if name in self.ended:
            return self.ended[name]
        if name == self.running:
            return _failed(name, why_cut_off)
        return Check(name=name, status=CheckStatus.SKIPPED, reason="the suite did not get to it")


def printable(text: str) -> str:
    """The text without terminal escapes or other control characters, on one line."""
    plain = _TERMINAL_ESCAPE.sub("", text)
    return "".join(char if char.isprintable() else " " for char in plain).rstrip()


def tidy(lines: Iterable[str]) -> tuple[str, ...]:
    """The last lines of a log, fit for a terminal and a record."""
    kept = [printable(line)[:_LINE_CHARACTERS] for line in lines]
    return tuple(line for line in kept if line)[-_DETAIL_LINES:]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _event(line: str) -> dict[str, Any]:
    if not line.startswith(PREFIX):
        return {}
    try:
        event = json.loads(line[len(PREFIX) :])
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _check(name: str, event: dict[str, Any]) -> Check:
    try:
        return Check(
            name=name,
            status=CheckStatus(event["status"]),
            seconds=float(event["seconds"]),
            reason=printable(str(event["reason"]))[:_REASON_CHARACTERS],
            detail=tidy(map(str, _list(event["detail"]))),
        )
    except (KeyError, TypeError, ValueError):
        return _failed(name, "its result cannot be read")


def _failed(name: str, reason: str) -> Check:
    return Check(name=name, status=CheckStatus.FAIL, reason=reason)
