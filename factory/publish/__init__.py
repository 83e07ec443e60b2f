"""From verdicts to a registry: nothing moves that did not pass."""

from factory.publish.adopt import existing, held
from factory.publish.gate import outranking, refusals
from factory.publish.promote import Candidate, Promoter
from factory.publish.push import Publisher

__all__ = ["Candidate", "Promoter", "Publisher", "existing", "held", "outranking", "refusals"]
