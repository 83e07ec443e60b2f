"""What a Dockerfile takes in that no key can cover: reported by ``invoke lint``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from factory.dockerfile.inputs import inputs_of
from factory.dockerfile.parse import SYNTAX, Instruction
from factory.dockerfile.words import json_words

_FETCHES = re.compile(
    r"""(?:^|[;&|({`"'\n]|\b(?:then|do|else|if|elif|while|until|exec|sudo|xargs|time|env|nice|nohup|command(?!\s+-[vV])
    |(?:timeout|retry)\s+\S+|gosu\s+\S+)\s)\s*(?:!\s+)?
    (?:(?:-\S+|\w+=\S*)\s+)*(?:\S*/)?
    (?P<command>curl|wget|aria2c|svn|rsync|scp|huggingface-cli|hf|gsutil
    |git\s+(?:-\S+\s+(?:[^-\s]\S*\s+)?)*(?:clone|fetch|pull)|aws\s+s3|gcloud\s+storage)(?=\s|$)""",
    re.VERBOSE,
)
"""A command that fetches, where a command can be: the same words name Debian's packages."""

_CHECKED = re.compile(
    r"\b(?:(?:sha\d+sum|shasum|b2sum)\b[^;&|\n]*\s(?:-\w*c\b|--check\b)|gpgv?\s[^;&|\n]*--verify\b"
    r"|gpgv\s|cosign\s+verify|git\b[^;&|\n]*\b[0-9a-f]{40}\b)"
)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_REST = "only `base.epoch` makes it be fetched anew"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unseen:
    """One such thing: its line in the Dockerfile, the name of the rule, and what to do."""

    line: int
    rule: str
    message: str


def unseen(instructions: Sequence[Instruction]) -> tuple[Unseen, ...]:
    """What of a Dockerfile may change although nothing that is hashed does, in order.

    ``# factory ignore=RULE`` above an instruction puts a rule aside for it. One that puts nothing
    aside is reported in turn, as ``unused-ignore``.
    """
    rules = {each.first: each.ignored for each in instructions}
    found = [
        *_frontends(instructions),
        *_downloads(instructions),
        *_runs(instructions),
        *_triggers(instructions),
    ]
    kept = [each for each in found if each.rule not in rules[each.line]]
    kept += _unused(instructions, {(each.line, each.rule) for each in found})
    return tuple(sorted(kept, key=lambda each: (each.line, each.rule)))


def _frontends(instructions: Sequence[Instruction]) -> Iterator[Unseen]:
    for each in instructions:
        if each.keyword == SYNTAX:
            yield Unseen(
                line=each.first,
                rule="syntax",
                message="a frontend of its own may read what BuildKit's would not: leave it out",
            )


def _downloads(instructions: Sequence[Instruction]) -> Iterator[Unseen]:
    for line, checksum in inputs_of(instructions).downloads:
        if not checksum:
            yield Unseen(
                line=line,
                rule="remote-add",
                message=f"what is behind this address may change, and {_REST}: "
                "add --checksum=sha256:…",
            )


def _runs(instructions: Sequence[Instruction]) -> Iterator[Unseen]:
    for each in instructions:
        if each.keyword != "RUN" or "none" in each.values("network"):
            continue
        script = _script(each)
        fetches = _FETCHES.search(script)
        if fetches and not _CHECKED.search(script):
            yield Unseen(
                line=each.first,
                rule="download",
                message=f"what {' '.join(fetches['command'].split())} fetches is in no key, and "
                f"{_REST}: ADD it with --checksum, or check its sum here",
            )


def _script(run: Instruction) -> str:
    """What a RUN runs, a shell's comments left out; words of a JSON array are lines."""
    words = json_words(run.arguments)
    command = run.arguments if words is None else f"{' '.join(words)}\n" + "\n".join(words)
    heredocs = (_COMMENT.sub("", heredoc.text) for heredoc in run.heredocs)
    return "\n".join([command, *heredocs])


def _triggers(instructions: Sequence[Instruction]) -> Iterator[Unseen]:
    for each in instructions:
        if each.trigger and each.trigger.keyword in ("ADD", "COPY", "RUN"):
            yield Unseen(
                line=each.first,
                rule="onbuild",
                message="images that are built on this one have it in no key of theirs, and send "
                "only what their own templates read: write it into those",
            )


def _unused(instructions: Sequence[Instruction], found: set[tuple[int, str]]) -> Iterator[Unseen]:
    for each in instructions:
        for rule in sorted(each.ignored):
            if (each.first, rule) not in found:
                yield Unseen(
                    line=each.first,
                    rule="unused-ignore",
                    message=f"`# factory ignore={rule}` puts nothing aside here: take it away",
                )
