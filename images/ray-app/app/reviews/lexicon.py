"""A small sentiment model: the weights of words, turned round by a negation before them.

Scores are whole numbers, so that sums do not depend on the order in which a cluster adds them.
"""

from __future__ import annotations

import re

WEIGHTS = {
    "awful": -3, "bad": -2, "broke": -3, "cheap": -1, "disappointing": -2, "late": -1,
    "noisy": -1, "refund": -2, "slow": -1, "terrible": -3, "useless": -3,
    "beautiful": 2, "comfortable": 2, "excellent": 3, "fast": 1, "good": 2, "great": 3,
    "love": 3, "perfect": 3, "reliable": 2, "sturdy": 2,
}  # fmt: skip  # one word a line would bury the rest
NEGATIONS = frozenset({"hardly", "never", "no", "not"})
_WORD = re.compile(r"[a-z]+")


def score(text: str) -> int:
    """The sum of the weights of a review's words; below 0, its writer is unhappy."""
    words = _WORD.findall(text.lower())
    before = ["", *words]
    return sum(
        -WEIGHTS[word] if previous in NEGATIONS else WEIGHTS[word]
        for previous, word in zip(before, words, strict=False)
        if word in WEIGHTS
    )
