"""Made-up reviews for demonstrations and tests: the same number always gives the same review."""

from __future__ import annotations

PRODUCTS = ("backpack", "headphones", "kettle", "lamp", "office chair")

_OPENINGS = ("I love it", "Arrived late", "Bought it twice", "A present for my father")
_VERDICTS = (
    "great value and sturdy",
    "not good, it broke within a week",
    "perfect in every way",
    "slow, noisy and useless",
    "never disappointing",
    "does what it says",
    "terrible, I want a refund",
)
_CLOSINGS = ("", "Fast delivery.", "Looks beautiful.", "Feels cheap.", "Hardly reliable.")


def review(number: int) -> tuple[str, str]:
    """The product and the text of review ``number``."""
    mixed = number * 2654435761 % 2**32 >> 8  # Knuth's multiplicative hash: no visible pattern
    product = PRODUCTS[mixed % len(PRODUCTS)]
    opening = _OPENINGS[mixed // 5 % len(_OPENINGS)]
    verdict = _VERDICTS[mixed // 20 % len(_VERDICTS)]
    closing = _CLOSINGS[mixed // 140 % len(_CLOSINGS)]
    return product, f"{opening}: {verdict}. {closing}".rstrip()
