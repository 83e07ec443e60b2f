"""From verdicts to a registry: nothing moves that did not pass."""

from factory.publish.adopt import existing, held
from factory.publish.gate import outranking, refusals
from factory.publish.promote import Candidate, Promoter
from factory.publish.push import Publisher
from factory.publish.retention import Shelf, decide
from factory.publish.turns import taking_turns

__all__ = [
    "Candidate",
    "Promoter",
    "Publisher",
    "Shelf",
    "decide",
    "existing",
    "held",
    "outranking",
    "refusals",
    "taking_turns",
]
