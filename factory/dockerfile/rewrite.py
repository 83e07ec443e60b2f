"""Changing a Dockerfile's text: what it names on the network is named by digest, and what it runs
is run as of an epoch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from factory.dockerfile.inputs import Inputs, Reference
from factory.dockerfile.parse import Instruction

EPOCH = "FACTORY_EPOCH"
"""The build argument that BuildKit's cache tells apart what was fetched at different times by."""

_IN_WORD = r"[\w./:@$#{}+-]"


def unpinned(inputs: Inputs) -> tuple[Reference, ...]:
    """What is named by something that may move: a tag, a branch."""
    found = (*inputs.images, *inputs.repositories)
    return tuple(reference for reference in found if not reference.pinned)


def pin(
    text: str,
    instructions: Sequence[Instruction],
    references: Sequence[Reference],
    pins: Mapping[str, str],
) -> str:
    """A Dockerfile in which references that ``pins`` knows name a digest or a commit.

    Args:
        text: of the Dockerfile.
        instructions: of that text.
        references: what may be replaced.
        pins: name of an image or a repository (``url#ref``) to digest or commit.
    """
    lines = text.splitlines(keepends=True)
    spans = {each.first: each.last for each in instructions}
    for reference in references:
        if reference.name in pins:
            pinned = reference.at(pins[reference.name])
            first, last = reference.line - 1, spans[reference.line]
            word = rf"(?<!{_IN_WORD}){re.escape(reference.written)}(?!{_IN_WORD})"
            joined = "".join(lines[first:last])
            changed = re.sub(word, lambda _, pinned=pinned: pinned, joined)
            lines[first:last] = changed.splitlines(keepends=True)
    return "".join(lines)


def as_of(text: str, instructions: Sequence[Instruction], epoch: str) -> str:
    """A Dockerfile whose stages that run something declare the epoch: so BuildKit, which knows
    nothing of our keys, does not take from its cache what was fetched as of another time."""
    lines = text.splitlines(keepends=True)
    starts = [at for at, each in enumerate(instructions) if each.keyword == "FROM"]
    for start, end in reversed(list(zip(starts, [*starts[1:], len(instructions)], strict=True))):
        if any(each.keyword == "RUN" for each in instructions[start:end]):
            lines.insert(instructions[start].last, f'ARG {EPOCH}="{epoch}"\n')
    return "".join(lines)
