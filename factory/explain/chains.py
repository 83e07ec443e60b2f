"""What differs between two chains of steps, base first."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from factory.explain.files import Lookup
from factory.explain.inputs import input_differences
from factory.model import Chain, Difference, StepRecord

STEP = "step"
"""The input of a difference that is a whole step."""


def differences(new: Chain, old: Chain, look: Lookup) -> tuple[Difference, ...]:
    """All that differs, the first cause first; empty where the last keys are equal.

    Args:
        new, old: the chains; neither is empty.
        look: the texts behind digests, of both. What it does not have is told less exactly.
    """
    if new[-1].key == old[-1].key:
        return ()
    distinct: dict[str, Difference] = {}
    for one in _all(new, old, look):
        distinct.setdefault(one.what, one)
    return tuple(distinct.values())


def _all(new: Chain, old: Chain, look: Lookup) -> Iterator[Difference]:
    matcher = SequenceMatcher(
        a=[(step.kind, step.name) for step in old],
        b=[(step.kind, step.name) for step in new],
        autojunk=False,
    )
    for what, start, end, at, to in matcher.get_opcodes():
        went, came = old[start:end], new[at:to]
        if what == "equal":
            for now, was in zip(came, went, strict=True):
                yield from _pair(now, was, look)
        elif [step.kind for step in went] == [step.kind for step in came]:
            for now, was in zip(came, went, strict=True):
                yield _whole(now, f"{_subject(was, old)} is now {now.name}")
                yield from _pair(now, was, look)
        else:
            yield from (_whole(step, f"{_subject(step, old)} is gone") for step in went)
            yield from (_whole(step, f"{_subject(step, new)} was added") for step in came)


def _pair(now: StepRecord, was: StepRecord, look: Lookup) -> Iterator[Difference]:
    if now.key == was.key:
        return
    yield from input_differences(now, was, look)
    if now.inputs == was.inputs and now.name == was.name:
        yield Difference(
            step=now.name, input="key", what="this factory derives keys in another way"
        )


def _whole(step: StepRecord, what: str) -> Difference:
    return Difference(step=step.name, input=STEP, what=what)


def _subject(step: StepRecord, chain: Chain) -> str:
    if step.kind != "app":
        return step.name
    return f"{'image' if step == chain[-1] else 'parent image'} {step.name}"
