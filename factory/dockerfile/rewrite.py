"""Changing a Dockerfile's text: what it names on the network is named by digest, what it runs is
run as of an epoch and by name, and by proxies that nobody else sees."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from factory.dockerfile.inputs import Inputs
from factory.dockerfile.parse import SYNTAX, Instruction, parse
from factory.dockerfile.reference import Reference
from factory.errors import ConfigError

EPOCH = "FACTORY_EPOCH"
"""The build argument that BuildKit's cache tells apart what was fetched at different times by."""

STEP_LABEL = "io.ray-image-factory.step"
"""The label by which an image's history tells what brought the layers after it."""

PROXIES = "proxies"
"""The id of the secret that tells of proxies: a piece of shell."""

_PROXIES_FILE = "/run/factory/proxies.sh"
_GAP = r"(?:[ \t]|\\[ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*)+"
_RUN = re.compile(rf"[ \t]*RUN{_GAP}(?:--[a-z][^\s\\\"']*{_GAP})*", re.IGNORECASE)
"""RUN with its flags."""

_PLACES = {
    SYNTAX: (r"=\s*", r"\s|$"),
    "FROM": (r"\s", r"\s|$"),
    "COPY": (r"--from=[\"']?", r"[\"'\s]"),
    "RUN": (r"[\s,=\"'](?i:from)=[\"']?", r"[\"',\s]"),
    "ADD": (r"[\s\"]", r"[\"\s]"),
}
"""What is before and after a name in an instruction that can have one: the same word elsewhere in
it is something else."""


def unpinned(inputs: Inputs) -> tuple[Reference, ...]:
    """What is named by something that may move: a tag, a branch."""
    found = (*inputs.images, *inputs.repositories)
    return tuple(reference for reference in found if not reference.pinned)


def pin(
    text: str,
    instructions: Sequence[Instruction],
    references: Sequence[Reference],
    pins: Mapping[str, str],
    *,
    where: str = "Dockerfile",
) -> str:
    """A Dockerfile in which references that ``pins`` knows name a digest or a commit.

    Args:
        text: of the Dockerfile.
        instructions: of that text.
        references: what may be replaced.
        pins: name of an image or a repository (``url#ref``) to digest or commit.
        where: for messages.

    Raises:
        ConfigError: a name is written so that it cannot be found: over two lines, or with escapes.
    """
    lines = text.split("\n")
    by_line = {each.first: each for each in instructions}
    for reference in references:
        if reference.name in pins:
            instruction = by_line[reference.line]
            part = slice(instruction.first - 1, instruction.last)
            pinned = reference.at(pins[reference.name])
            changed = _replaced("\n".join(lines[part]), instruction, reference.written, pinned)
            if changed is None:
                raise ConfigError(
                    f"{reference.name} cannot be pinned as it is written",
                    where=f"{where} (line {reference.line} of what it renders)",
                    todo="write it on one line, without escapes",
                )
            lines[part] = changed.split("\n")
    return "\n".join(lines)


def _replaced(text: str, instruction: Instruction, word: str, by: str) -> str | None:
    """An instruction's text with the first name of that kind replaced."""
    keyword = (instruction.trigger or instruction).keyword
    before, after = _PLACES[keyword]
    for found in re.finditer(rf"({before}){re.escape(word)}(?={after})", text):
        line = text[: found.end(1)].rpartition("\n")[2]
        if keyword == SYNTAX or not line.lstrip().startswith("#"):
            return f"{text[: found.end(1)]}{by}{text[found.end() :]}"
    return None


def annotated(text: str, instructions: Sequence[Instruction], *, epoch: str, step: str) -> str:
    """A Dockerfile whose stages that run something declare the epoch: so BuildKit, which knows
    nothing of our keys, does not take from its cache what was fetched as of another time. And whose
    last stage begins with a label that names the step: so the image's history says of each layer
    which step brought it, on any machine."""
    lines = text.split("\n")
    triggers = any(_runs(each.trigger) for each in instructions if each.trigger)
    starts = [at for at, each in enumerate(instructions) if each.keyword == "FROM"]
    ends = [*starts, len(instructions)][1:]  # without a FROM there is nothing, which BuildKit says
    for start, end in reversed(list(zip(starts, ends, strict=True))):
        said = [f'LABEL {STEP_LABEL}="{step}"'] if start == starts[-1] else []
        if triggers or any(map(_runs, instructions[start:end])):
            said.append(f'ARG {EPOCH}="{epoch}"')
        lines[instructions[start].last : instructions[start].last] = said
    return "\n".join(lines)


def _runs(instruction: Instruction) -> bool:
    return instruction.keyword == "RUN"


def through_proxies(text: str) -> str | None:
    """A Dockerfile in which all that has the network reads the secret ``PROXIES`` before it runs;
    ``None`` if something is run in a form that cannot be told to: by no shell, by one that the
    Dockerfile names, from a heredoc, by an image that is built on this one.
    """
    lines = text.split("\n")
    for instruction in reversed(parse(text)):
        if instruction.keyword == "SHELL" or (instruction.trigger and _runs(instruction.trigger)):
            return None
        if _runs(instruction) and "none" not in instruction.values("network"):
            part = slice(instruction.first - 1, instruction.last)
            told = _told("\n".join(lines[part]), instruction)
            if told is None:
                return None
            lines[part] = told.split("\n")
    return "\n".join(lines)


def _told(text: str, instruction: Instruction) -> str | None:
    head = _RUN.match(text)
    if head is None or instruction.heredocs or instruction.escape != "\\":
        return None
    rest = text[head.end() :]
    if rest.startswith(("[", "--")) or not _is_all(rest, instruction):
        return None
    mount = f"--mount=type=secret,id={PROXIES},target={_PROXIES_FILE},mode=0444"
    return f"{head[0]}{mount} . {_PROXIES_FILE}; {rest}"


def _is_all(rest: str, instruction: Instruction) -> bool:
    """Whether what follows a RUN's flags was found as BuildKit finds it."""
    [_, found] = parse(f"FROM scratch\nRUN {rest}")
    return (found.flags, found.arguments) == ((), instruction.arguments)
