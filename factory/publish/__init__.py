"""From verdicts to a registry: nothing moves that did not pass."""

from factory.publish.adopt import existing, held
from factory.publish.gate import outranking, refusals
from factory.publish.logins import Logins, sweep
from factory.publish.push import Publisher

__all__ = ["Logins", "Publisher", "existing", "held", "outranking", "refusals", "sweep"]
