"""Verdicts in words. Pure."""

from __future__ import annotations

from factory.model import Status, Verdict

_CODES = {
    1: "a defect in the factory",
    2: "configuration",
    3: "build",
    4: "scan",
    5: "verify",
    6: "publish",
    7: "machine",
    8: "cluster",
    130: "interrupted",
}


def verdict_words(verdict: Verdict) -> str:
    """A verdict in a line: what failed, what is partial and why, or how much was looked at."""
    if verdict.status is Status.FAIL:
        names = ", ".join(check.name for check in verdict.failures)
        return f"{verdict.gate.value} failed: {names}"
    if verdict.status is Status.PARTIAL:
        return f"partial: {', '.join(verdict.partial)}"
    timed = [f"{it.name} {it.timing.seconds:.1f} s" for it in verdict.checks if it.timing]
    return ", ".join(timed) or f"{len(verdict.checks)} checks passed"


def failure_lines(verdict: Verdict) -> list[str]:
    """Every check that failed, why, and the lines that help to mend it."""
    lines: list[str] = []
    for check in verdict.failures:
        lines += [f"{check.name}: {check.reason}", *(f"    {line}" for line in check.detail)]
    return lines


def code_words(code: int) -> str:
    """What an exit code stands for: the gate, or what else is to be mended."""
    return _CODES.get(code, "unknown")
