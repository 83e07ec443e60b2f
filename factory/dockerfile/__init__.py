"""Dockerfiles as BuildKit reads them: what they take in, derived and not declared. Pure."""

from factory.dockerfile.inert import inert, plain
from factory.dockerfile.inputs import (
    Inputs,
    canonical,
    derive,
    inputs_of,
)
from factory.dockerfile.parse import Instruction, parse
from factory.dockerfile.reference import Reference
from factory.dockerfile.rewrite import (
    PROXIES,
    STEP_LABEL,
    annotated,
    pin,
    through_proxies,
    unpinned,
)
from factory.dockerfile.shape import differing
from factory.dockerfile.unseen import Unseen, unseen

__all__ = [
    "PROXIES",
    "STEP_LABEL",
    "Inputs",
    "Instruction",
    "Reference",
    "Unseen",
    "annotated",
    "canonical",
    "derive",
    "differing",
    "inert",
    "inputs_of",
    "parse",
    "pin",
    "plain",
    "through_proxies",
    "unpinned",
    "unseen",
]
