"""What became of each build of a run, and what it is due to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from factory.model import Outcome, Pair, Plan, PlannedBuild, State

GATES = ("build", "scan", "verify", "publish")
_VERBS = {"publish": ("publish", "move")}
"""What belongs to a gate beside the work that has its name."""
_SEVERITY = (State.CACHED, State.DONE, State.CANCELLED, State.BLOCKED, State.FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One build, or one pair of them, after a run.

    Attributes:
        build: its id.
        gates: the worst outcome of each gate that it was to pass, in order.
        causes: ids of the work that it is due to: its own that failed, and what blocks it.
        pair: the pair that it is.
    """

    build: str
    gates: Mapping[str, Outcome]
    causes: tuple[str, ...]
    pair: Pair | None = None

    @property
    def state(self) -> State:
        """The worst of its gates; with none of them there was nothing to do."""
        states = [outcome.state for outcome in self.gates.values()]
        return max(states, key=_SEVERITY.index, default=State.CACHED)

    @property
    def gate(self) -> str:
        """The first gate that has this state; empty where there was nothing to do."""
        return next((gate for gate, one in self.gates.items() if one.state is self.state), "")


def results(plan: Plan, outcomes: Sequence[Outcome]) -> tuple[Result, ...]:
    """Each planned build, then those that were refused before there was a plan for them: they
    have an outcome ``build <build id>``, where a planned one has ``build <step>``."""
    planned = [_result(one.build.id, _own(plan, one, outcomes)) for one in plan.builds]
    steps = {step.label for step in plan.steps.values()}
    known = {one.build for one in planned}
    refused = [
        _result(one.subject, [one])
        for one in outcomes
        if one.verb == "build" and one.subject not in steps | known
    ]
    return (*planned, *refused)


def pair_results(plan: Plan, outcomes: Sequence[Outcome]) -> tuple[Result, ...]:
    """Each pair that was to be verified."""
    found = {one.id: one for one in outcomes}
    works = ((pair, found.get(f"verify {pair.id}")) for pair in plan.pairs)
    return tuple(replace(_result(pair.id, [one]), pair=pair) for pair, one in works if one)


def totals(found: Iterable[Result]) -> dict[str, int]:
    """How many builds are done, failed, blocked and cancelled; cached is done."""
    count = Counter(result.state for result in found)
    count[State.DONE] += count.pop(State.CACHED, 0)
    order = (State.DONE, State.FAILED, State.BLOCKED, State.CANCELLED)
    return {state.value: count[state] for state in order}


def _own(plan: Plan, planned: PlannedBuild, outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Its last step, which waits for all before it, and what was done with its image."""
    build = planned.build.id
    last = plan.steps[planned.key].label
    groups = {group.name for group in plan.groups if planned.build in group.builds}
    return [
        one
        for one in outcomes
        if (one.verb == "build" and one.subject == last)
        or (one.verb in ("scan", "verify") and one.subject == build)
        or (one.verb == "publish" and one.subject.startswith(f"{build} "))
        or (one.verb == "move" and one.subject in groups)
    ]


def _result(build: str, own: Sequence[Outcome]) -> Result:
    gates = {
        gate: max(of_gate, key=lambda one: _SEVERITY.index(one.state))
        for gate in GATES
        if (of_gate := [one for one in own if one.verb in _VERBS.get(gate, (gate,))])
    }
    failed = [one.id for one in own if one.state is State.FAILED]
    blamed = [_blamed(one.reason) for one in own if one.state is State.BLOCKED]
    return Result(build=build, gates=gates, causes=tuple(dict.fromkeys((*failed, *blamed))))


def _blamed(reason: str) -> str:
    """The work that a blocked one names, as ``<its id> <its state>``."""
    name, _, state = reason.rpartition(" ")
    return name if state in list(State) else reason
