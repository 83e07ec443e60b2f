"""Explanations for people: a few lines a build. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from factory.model import KEY_DIGITS, LAST, Action, Explanation, Foreseen, PairExplanation
from factory.text import clean


def explanation_text(
    explanations: Iterable[Explanation],
    pairs: Iterable[PairExplanation] = (),
    *,
    everything: bool = False,
) -> str:
    """Each build with what its gates would do and why, or with how it differs from another; then
    each pair.

    Args:
        everything: all differences, where otherwise the first is shown and the others counted.
    """
    blocks = ["\n".join(_block(one, everything)) for one in explanations]
    blocks += ["\n".join([one.pair_id, *_gate(one.gate, everything)]) for one in pairs]
    return clean("\n\n".join(blocks))


def _block(one: Explanation, everything: bool) -> Iterator[str]:
    if one.against == LAST:
        yield one.build_id
        for gate in one.gates:
            yield from _gate(gate, everything)
        return
    yield f"{one.build_id} against {one.against}"
    yield from (f"  {line}" for line in _compared(one, everything))


def _gate(gate: Foreseen, everything: bool) -> Iterator[str]:
    lines = _listed([_dated(gate), *gate.more], everything)
    margin = f"  {gate.gate:6}  {gate.action.value:7}  "
    for at, line in enumerate(lines):
        yield f"{margin if at == 0 else ' ' * len(margin)}{line}"


def _dated(gate: Foreseen) -> str:
    if gate.action is not Action.KEEP:
        return gate.why
    return (
        f"{gate.why} since {gate.at[:16]}"
        if gate.gate == "build"
        else (f"{gate.why} ({gate.at[:16]})")
    )


def _compared(one: Explanation, everything: bool) -> Sequence[str]:
    if one.other is None:
        return ["nothing of it was published from here"]
    if one.other == one.key:
        return [f"no difference: both have the key {one.key[:KEY_DIGITS]}"]
    if not one.known:
        return [f"the inputs of {one.other[:KEY_DIGITS]} were not recorded when it was made"]
    return _listed([each.what for each in one.differences], everything)


def _listed(whats: Sequence[str], everything: bool) -> Sequence[str]:
    if everything or len(whats) < 2:
        return whats
    return [f"{whats[0]} (and {len(whats) - 1} more: --all)"]
