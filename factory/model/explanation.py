"""What steps were made of, and what came of comparing that: what explanations are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from factory.model.plan import Step

LAST, PUBLISHED = "last build", "published"
"""What a build is compared with, where that is no other build."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRecord:
    """A step as the ledger keeps it, for later comparisons.

    Attributes:
        key, kind, name, parent, inputs: as of ``Step``.
        folders: the context of each input ``file …``, as (input, folder): what is in the content
            of that input is named relative to it.
    """

    key: str
    kind: str
    name: str
    parent: str | None
    inputs: tuple[tuple[str, str], ...] = ()
    folders: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, step: Step, folders: Mapping[str, str]) -> StepRecord:
        return cls(
            key=step.key,
            kind=step.kind,
            name=step.name,
            parent=step.parent,
            inputs=step.inputs,
            folders=tuple(folders.items()),
        )


Chain = tuple[StepRecord, ...]
"""The steps that make an image, base first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """What is recorded together with an image, so that it can be explained later.

    Attributes:
        steps: the image's step and all that it stands on.
        contents: texts that inputs are digests of, by digest.
        made: build id to key, of the builds whose image it is.
    """

    steps: Chain = ()
    contents: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    made: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One input that is not what it was.

    Attributes:
        step: the name of the step that has it.
        input: its name, as in ``Step.inputs``; ``step`` where it is the step itself.
        what: a sentence for people, such as ``images/ray-app/app/main.py changed``.
    """

    step: str
    input: str
    what: str


class Action(StrEnum):
    """What a gate would do. UNKNOWN: this machine cannot tell, and it says why."""

    KEEP = "keep"
    AGAIN = "again"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """What one gate would do with a build, and why.

    Attributes:
        gate: ``build``, ``scan`` or ``verify``.
        why: in a line.
        more: what else speaks for it.
        at: when what is kept was made; empty otherwise.
    """

    gate: str
    action: Action
    why: str
    more: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why a build would, or would not, be made and judged anew.

    Attributes:
        build_id: the build.
        key: the key that it is planned with.
        against: what it was compared with: ``LAST``, ``PUBLISHED at …``, or another build's id.
        other: the key of that, or ``None`` where there is none.
        known: whether the inputs of both are known.
        differences: base first.
        gates: each in order; only where the comparison is with the last build.
    """

    build_id: str
    key: str
    against: str
    other: str | None
    known: bool = True
    differences: tuple[Difference, ...] = ()
    gates: tuple[Foreseen, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PairExplanation:
    """Why two builds would, or would not, be verified together anew.

    Attributes:
        pair_id: the pair.
        cohort: the name of the cohort that pairs them.
        gate: what ``verify`` would do, the one gate that pairs have.
    """

    pair_id: str
    cohort: str
    gate: Foreseen
