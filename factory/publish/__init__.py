"""From verdicts to a registry: nothing moves that did not pass."""

from factory.publish.adopt import existing, held
from factory.publish.floating import Mover
from factory.publish.gate import outranking, refusals
from factory.publish.keys import labels_of
from factory.publish.logins import Logins, sweep
from factory.publish.promote import Candidate, Promoter
from factory.publish.push import Evidence, Publisher, Pushed
from factory.publish.retention import Shelf, decide
from factory.publish.tags import Tags, each
from factory.publish.turns import alone_with, taking_turns

__all__ = [
    "Candidate",
    "Evidence",
    "Logins",
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
    "labels_of",
    "outranking",
    "refusals",
    "sweep",
    "taking_turns",
]
