"""From verdicts to a registry: nothing moves that did not pass."""

from factory.publish.adopt import existing, held
from factory.publish.floating import MovedSince, Mover
from factory.publish.gate import outranking, refusals
from factory.publish.keys import labels_of
from factory.publish.logins import Logins, sweep
from factory.publish.promote import Candidate, Promoter
from factory.publish.push import Evidence, Publisher, Pushed
from factory.publish.retention import Shelf, decide, is_there
from factory.publish.tags import Tags, each
from factory.publish.turns import alone_with, taking_turns

__all__ = [
    "Candidate",
    "Evidence",
    "Logins",
    "MovedSince",
    "Mover",
    "Promoter",
    "Publisher",
    "Pushed",
    "Shelf",
    "Tags",
    "alone_with",
    "decide",
    "each",
    "existing",
    "held",
    "is_there",
    "labels_of",
    "outranking",
    "refusals",
    "sweep",
    "taking_turns",
]
