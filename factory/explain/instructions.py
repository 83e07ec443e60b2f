"""What differs between two rendered Dockerfiles, as BuildKit reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from factory.dockerfile import Instruction, canonical, parse
from factory.dockerfile.rewrite import EPOCH
from factory.text import one_line, shorten

_WIDTH = 72
_STEP = re.compile(r"factory\.invalid/[^\s\"]+", re.ASCII)

Inputs = Iterable[tuple[str, str]]


def instruction_change(new: str, old: str, inputs: Inputs, earlier: Inputs) -> str | None:
    """The first instruction that differs, as the end of a sentence; ``None`` where all that
    differs is in other inputs: what a text is FROM, what it pins, and its epoch.

    Args:
        new, old: rendered Dockerfiles.
        inputs, earlier: the inputs of their steps.
    """
    after, before = _instructions(new), _instructions(old)
    matcher = SequenceMatcher(
        a=[_plain(each, earlier) for each in before],
        b=[_plain(each, inputs) for each in after],
        autojunk=False,
    )
    for what, start, _, at, _ in matcher.get_opcodes():
        if what == "delete":
            return f"no longer renders {_shown(before[start])}"
        if what != "equal":
            return f"renders other instructions: {_shown(after[at])} (line {after[at].first})"
    return None


def _instructions(text: str) -> list[Instruction]:
    """All but those that the factory itself adds to every text."""
    epoch = f"{EPOCH}="
    return [
        each
        for each in parse(text)
        if not (each.keyword == "ARG" and each.arguments.startswith(epoch))
    ]


def _plain(instruction: Instruction, inputs: Inputs) -> str:
    """What BuildKit acts on, without what is an input of its own."""
    text = _STEP.sub("parent", json.dumps(list(canonical([instruction]))))
    for name, _ in inputs:
        kind, _, what = name.partition(" ")
        if kind == "image":
            text = _without(text, f"{re.escape(what)}@sha256:[0-9a-f]{{64}}", what)
        elif kind == "repository":
            url = what.partition("#")[0]
            text = _without(text, f"{re.escape(url)}#[0-9a-f]{{40,64}}", what)
    return text


def _without(text: str, pinned: str, name: str) -> str:
    return re.sub(pinned, lambda _: name, text)


def _shown(instruction: Instruction) -> str:
    flags = (f"--{name}={value}" if value else f"--{name}" for name, value in instruction.flags)
    words = [instruction.keyword, *flags, instruction.arguments]
    return shorten(one_line(" ".join(words)), _WIDTH)
