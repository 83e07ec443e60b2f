"""From verdicts to a registry: nothing moves that did not pass."""

from factory.publish.adopt import existing, held
from factory.publish.floating import Mover
from factory.publish.gate import outranking, refusals
from factory.publish.push import Evidence, Publisher, Pushed
from factory.publish.tags import Tags, each

__all__ = [
    "Evidence",
    "Mover",
    "Publisher",
    "Pushed",
    "Tags",
    "each",
    "existing",
    "held",
    "outranking",
    "refusals",
]
