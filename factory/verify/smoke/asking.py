"""How a check has the factory do what cannot be done from inside: to lose a node, and to bring it
back."""

from __future__ import annotations

import json
import os

from .protocol import ASK

_answers = -1


def answer_on(descriptor: int) -> None:
    """Use the descriptor on which this interpreter gives its results."""
    global _answers  # one interpreter has one, for all its life
    _answers = descriptor


def ask_host(what: str, host: str) -> None:
    """Ask the factory for something; it does what it is asked, and does not answer.

    Args:
        what: ``kill`` or ``start``.
        host: the host name of the node's container.
    """
    os.write(_answers, json.dumps({ASK: what, "host": host}).encode() + b"\n")
