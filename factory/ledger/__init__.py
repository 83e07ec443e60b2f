"""The local record of what was built, judged and published; a kill leaves it whole."""

from factory.ledger.ledger import Ledger

__all__ = ["Ledger"]
