"""What a Dockerfile takes in that no key can cover: reported by ``invoke lint``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from factory.dockerfile.inputs import inputs_of
from factory.dockerfile.parse import Instruction

_FETCHES = re.compile(
    r"(?:^|[\s;&|({`'\"/])(curl|wget|aria2c|git\s+(?:-\S+\s+(?:\S+\s+)?)*(?:clone|fetch|pull)|svn"
    r"|aws\s+s3|gsutil|gcloud\s+storage|rsync|scp|huggingface-cli|hf)\s"
)
_CHECKED = re.compile(r"\b(sha256sum|sha512sum|b2sum|gpg\s+--verify|cosign\s+verify)\b")
_REST = "only `base.epoch` makes it be fetched anew"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unseen:
    """One such thing: its line in the Dockerfile, the name of the rule, and what to do."""

    line: int
    rule: str
    message: str


def unseen(instructions: Sequence[Instruction]) -> tuple[Unseen, ...]:
    """What of a Dockerfile may change although nothing that is hashed does, in order.

    ``# factory ignore=RULE`` above an instruction puts a rule aside for it.
    """
    rules = {each.first: each.ignored for each in instructions}
    found = [*_downloads(instructions), *_runs(instructions), *_triggers(instructions)]
    kept = (each for each in found if each.rule not in rules[each.line])
    return tuple(sorted(kept, key=lambda each: each.line))


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
        script = "\n".join([each.arguments, *(heredoc.text for heredoc in each.heredocs)])
        fetches = _FETCHES.search(script)
        if fetches and not _CHECKED.search(script):
            yield Unseen(
                line=each.first,
                rule="download",
                message=f"what {' '.join(fetches[1].split())} fetches is in no key, and {_REST}: "
                "ADD it with --checksum, or check its sum here",
            )


def _triggers(instructions: Sequence[Instruction]) -> Iterator[Unseen]:
    for each in instructions:
        if each.keyword == "ONBUILD" and each.arguments.split()[0].upper() in ("ADD", "COPY"):
            yield Unseen(
                line=each.first,
                rule="onbuild",
                message="what this reads in images that are built on this one is in no key of "
                "theirs: write it into their own template",
            )
