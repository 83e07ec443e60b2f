"""What a run did, for people: a line a build, then each failure once, then the count. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill

from factory.model import ColdStart, Outcome, Plan, State
from factory.report.coldstarts import cold_start_table
from factory.report.results import GATES, Result, pair_results, results, totals
from factory.report.tables import columns
from factory.report.words import code_words
from factory.text import MARKS, clean, one_line

_WHY_WIDTHS = (len("build base@01234567"), 10, 0)
_ID_WIDTHS = (22, 16)


def summary(
    plan: Plan,
    outcomes: Sequence[Outcome],
    *,
    width: int | None = None,
    log_of: Callable[[Outcome], str] = lambda _outcome: "",
    cold_starts: Sequence[ColdStart] = (),
) -> str:
    """The table of all builds, every failure with all that it blocks, and one line of totals.

    Args:
        plan: what was planned.
        outcomes: of the whole run, a preflight's among them.
        width: of the terminal; ``None`` where nothing need be cut.
        log_of: the file with the full output of a piece of work, empty where there is none.
        cold_starts: what was measured, where that was asked.
    """
    found, pairs = results(plan, outcomes), pair_results(plan, outcomes)
    failed = [outcome for outcome in outcomes if outcome.state is State.FAILED]
    parts = [
        _table((*found, *pairs), width),
        cold_start_table(cold_starts, width=width),
        *(_failure(one, found, log_of(one), width) for one in failed),
        _count(found, pairs) + (", on bases made from packages" if plan.base == "packages" else ""),
    ]
    return clean("\n\n".join(part for part in parts if part))


def _table(found: Sequence[Result], width: int | None) -> str:
    gates = [gate for gate in GATES if any(gate in result.gates for result in found)]
    rows = [
        [
            f"{MARKS[result.state]} {result.build}",
            *(_cell(result.gates.get(gate)) for gate in gates),
            one_line(_why(result)),
        ]
        for result in found
    ]
    noted = any(row[-1] for row in rows)
    table = [["  BUILD", *(gate.upper() for gate in gates), "WHY" if noted else ""], *rows]
    whys = [(len(table[0]) - 1, least) for least in _WHY_WIDTHS]
    ids = [(0, least) for least in _ID_WIDTHS]
    flexible = [whys[0], ids[0], whys[1], ids[1], whys[2]]
    return columns(table[0], table[1:], width=width, flexible=flexible)


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    if outcome.state is State.BLOCKED:
        return MARKS[State.BLOCKED]
    return f"{outcome.seconds:.0f} s" if outcome.state is State.DONE else outcome.state.value


def _why(result: Result) -> str:
    """What failed, what blocks it, or why a verdict on it is partial."""
    if result.state is State.FAILED:
        failed = [one for one in result.gates.values() if one.state is State.FAILED]
        return "; ".join(one.reason.removeprefix(f"{result.build}: ") for one in failed)
    if result.state is State.BLOCKED:
        return ", ".join(result.causes)
    reasons = dict.fromkeys(one.reason for one in result.gates.values())
    return "; ".join(reason for reason in reasons if reason.startswith("partial"))


def _failure(outcome: Outcome, found: Sequence[Result], log: str, width: int | None) -> str:
    """Its name, what it blocks, its last lines, its log, and last the next step."""
    took = f" after {outcome.seconds:.0f} s" if outcome.seconds >= 1 else ""
    detail = outcome.detail or (outcome.reason,)
    todo = [line for line in detail if line.startswith("  → ")]
    return "\n".join(
        [
            f"✗ {outcome.id} failed{took} (exit code {outcome.code}: {code_words(outcome.code)})",
            *_blocked(outcome, found, width),
            *(f"  {line}" for line in detail if line not in todo),
            *([f"    full log: {log}"] if log else []),
            *(f"  {line}" for line in todo),
        ]
    )


def _blocked(outcome: Outcome, found: Sequence[Result], width: int | None) -> list[str]:
    """The builds that are due to it, but for one that its own name tells."""
    builds = [result.build for result in found if outcome.id in result.causes]
    if not builds or (len(builds) == 1 and outcome.subject.split(" ")[0] == builds[0]):
        return []
    text = f"blocks {len(builds)} build{'s' if len(builds) > 1 else ''}: {', '.join(builds)}"
    if width is None:
        return [f"  {text}"]
    return [
        fill(
            text,
            width=max(width, 20),
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


def _count(found: Sequence[Result], pairs: Sequence[Result]) -> str:
    """Such as ``8 of 12 builds and 1 of 1 pairs done, 3 blocked, 1 failed``; of pairs, only what is
    done is counted."""
    count = totals(found)
    done = count.pop("done")
    bad = [f"{count[name]} {name}" for name in ("blocked", "cancelled", "failed") if count[name]]
    builds = f"{len(found)} build{'' if len(found) == 1 else 's'}"
    both = f" and {totals(pairs)['done']} of {len(pairs)} pairs" if pairs else ""
    return ", ".join([f"{done} of {builds}{both} done", *bad])
