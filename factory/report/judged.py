"""A verdict on one image, for people: a line a check. Pure."""

from __future__ import annotations

from factory.model import COLD_SUITE, Check, CheckStatus, Facts, Judged
from factory.report.tables import columns
from factory.report.words import failure_lines, verdict_words
from factory.text import clean, one_line

_MARKS = {CheckStatus.PASS: "✓", CheckStatus.FAIL: "✗", CheckStatus.SKIPPED: "–"}
_WHY_WIDTH = 20
_NODES = {"contract": "no cluster", COLD_SUITE: "a head, and one worker at a time"}


def judged_text(found: Judged, *, width: int | None = None) -> str:
    """What the image was judged as, every check, and the verdict with what helps to mend it.

    Args:
        found: the verdict, and on what.
        width: of the terminal; ``None`` where nothing need be cut.
    """
    verdict = found.verdict
    workers = f"{found.workers} worker{'' if found.workers == 1 else 's'}"
    nodes = _NODES.get(found.suite, f"a head and {workers}")
    parts = [
        f"{found.ref}: {_facts(found.facts)}\n"
        f"{verdict.config_digest}, {found.suite} suite, {nodes}",
        columns(
            ["  CHECK", "TIME", "WHY"],
            [_row(check) for check in verdict.checks],
            width=width,
            flexible=[(2, _WHY_WIDTH)],
        ),
        "\n".join(failure_lines(verdict)),
        verdict_words(verdict) + (f" (on {verdict.at[:16]})" if found.cached else ""),
    ]
    return clean("\n\n".join(part for part in parts if part))


def _facts(facts: Facts) -> str:
    words = [
        f"Ray {facts.ray or 'of an unknown version'}",
        f"Python {facts.python or 'of an unknown version'}",
        facts.device,
        *([f"CUDA {facts.cuda}"] if facts.cuda else []),
        *(["torch"] if facts.torch else []),
        *(f"ray[{extra}]" for extra in facts.extras),
    ]
    return ", ".join(words)


def _row(check: Check) -> list[str]:
    mark = _MARKS[check.status]
    said = check.reason or (check.timing.words if check.timing else "")
    return [f"{mark} {check.name}", f"{check.seconds:.1f} s", one_line(said)]
