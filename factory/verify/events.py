"""The suite's stream of events → checks. Pure: lines in, values out.

The stream comes from inside an image that is being judged, so it is read as data that may be cut
off, malformed, or full of control characters.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from factory.model import Check, CheckStatus
from factory.verify.smoke.protocol import PREFIX

_REASON_CHARACTERS = 500
_LINE_CHARACTERS = 300
_DETAIL_LINES = 60
_LONGEST_SECONDS = 1e6
_TERMINAL_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass
class Transcript:
    """What the suite has said so far, held against what it was asked.

    Attributes:
        wanted: the checks that must end, in their order; the suite itself is not asked.
        nonce: what marks this run's events.
        may_ask: how often a check may ask the factory for something; one that is not named, never.
        requests: what the running check asks the factory to do, as (what, host name); taken from
            the front by whoever does it.
    """

    wanted: tuple[str, ...]
    nonce: str
    may_ask: Mapping[str, int] = field(default_factory=dict)
    ended: dict[str, Check] = field(default_factory=dict)
    running: str | None = None
    planned: bool = False
    done: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)
    asked: int = 0
    trouble: str = ""

    def read(self, line: str) -> Check | None:
        """Take in a line of output; the check that it ends, if it does."""
        event = _event(line, self.nonce)
        match event.get("event"):
            case "plan":
                self._plan(_list(event.get("checks")))
            case "begin" if self._expected(event.get("check")):
                self.running, self.asked = event["check"], 0
            case "end" if self._expected(event.get("check")):
                self.running = None
                name = event["check"]
                self.ended[name] = _check(name, event)
                return self.ended[name]
            case "ask":
                self._ask(str(event.get("what")), str(event.get("host")))
            case "done":
                self.done = True
        return None

    def checks(self, why_broken_off: str = "") -> tuple[Check, ...]:
        """All wanted checks in their order, those that did not run as failed. The reason given, if
        any, is that of the check that ran when the suite broke off; where none did, and wherever
        the suite said what it cannot have found, ``suite`` is a failed check of its own."""
        results = [self._result(name, why_broken_off) for name in self.wanted]
        statuses = {check.status for check in results}
        blamed = self.running is not None and self.running not in self.ended
        reason = self.trouble or ("" if blamed else why_broken_off)
        if not statuses & {CheckStatus.FAIL} and not reason:
            reason = self._doubt(statuses)
        return (*results, *([_failed("suite", reason)] if reason else []))

    def _doubt(self, statuses: set[CheckStatus]) -> str:
        """Why results without a failure are still no pass."""
        if CheckStatus.SKIPPED in statuses:
            return "it skipped checks, though none failed"
        return "" if self.done else "it did not come to its end"

    def _result(self, name: str, why_broken_off: str) -> Check:
        if name in self.ended:
            return self.ended[name]
        return _failed(name, (name == self.running and why_broken_off) or "it did not run")

    def _plan(self, checks: list[object]) -> None:
        if self.planned or checks != list(self.wanted):
            self._distrust("it announced other checks than it was given, or announced them twice")
        self.planned = True

    def _ask(self, what: str, host: str) -> None:
        self.asked += 1
        if self.running is None or self.asked > self.may_ask.get(self.running, 0):
            self._distrust(f"{self.running or 'no check'} asked for what it may not")
        else:
            self.requests.append((what, host))

    def _expected(self, name: object) -> bool:
        """Whether this check is wanted and has not ended yet: its first end counts."""
        if isinstance(name, str) and name in self.wanted and name not in self.ended:
            return True
        told = printable(name)[:_LINE_CHARACTERS] if isinstance(name, str) else "what is no check"
        again = isinstance(name, str) and name in self.wanted
        self._distrust(f"it told of {told} " + ("twice" if again else "unasked"))
        return False

    def _distrust(self, why: str) -> None:
        self.trouble = self.trouble or why


def printable(text: str) -> str:
    """The text without terminal escapes or other control characters, on one line."""
    plain = _TERMINAL_ESCAPE.sub("", text)
    return "".join(char if char.isprintable() else " " for char in plain).rstrip()


def tidy(lines: Iterable[str]) -> tuple[str, ...]:
    """The last lines of a log, fit for a terminal and a record."""
    kept = [printable(line)[:_LINE_CHARACTERS] for line in lines]
    return tuple(line for line in kept if line)[-_DETAIL_LINES:]


def line_of(check: Check) -> str:
    """A check's result for people who watch."""
    said = check.reason or (check.timing.words if check.timing else "")
    reason = f": {said}" if said else ""
    return f"{check.name} {check.status} {check.seconds:.1f} s{reason}"


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _event(line: str, nonce: str) -> dict[str, Any]:
    prefix = f"{PREFIX}{nonce} "
    if not line.startswith(prefix):
        return {}
    try:
        event = json.loads(line[len(prefix) :])
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _check(name: str, event: dict[str, Any]) -> Check:
    try:
        return Check(
            name=name,
            status=CheckStatus(event["status"]),
            seconds=_seconds(event["seconds"]),
            reason=printable(str(event["reason"]))[:_REASON_CHARACTERS],
            detail=tidy(map(str, _list(event["detail"]))),
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return _failed(name, "its result cannot be read")


def _seconds(value: Any) -> float:
    """A duration that every format can hold."""
    seconds = float(value)
    return min(max(seconds, 0.0), _LONGEST_SECONDS) if math.isfinite(seconds) else 0.0


def _failed(name: str, reason: str) -> Check:
    return Check(name=name, status=CheckStatus.FAIL, reason=reason)
