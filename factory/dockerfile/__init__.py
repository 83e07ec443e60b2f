"""Dockerfiles as BuildKit reads them: what they take in, derived and not declared. Pure."""

from factory.dockerfile.inputs import (
    Inputs,
    canonical,
    derive,
    inputs_of,
)
from factory.dockerfile.parse import Instruction, parse
from factory.dockerfile.reference import Reference
from factory.dockerfile.rewrite import as_of, pin, unpinned
from factory.dockerfile.unseen import Unseen, unseen

__all__ = [
    "Inputs",
    "Instruction",
    "Reference",
    "Unseen",
    "as_of",
    "canonical",
    "derive",
    "inputs_of",
    "parse",
    "pin",
    "unpinned",
    "unseen",
]
