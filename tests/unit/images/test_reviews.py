"""The pure parts of the sample application; the rest is proven on a cluster by its checks.py."""

from __future__ import annotations

from collections import Counter

import pytest
from reviews import lexicon, synthetic


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("", 0),
        ("does what it says", 0),
        ("I love it", 3),
        ("GREAT value, and sturdy!", 5),
        ("not good, it broke", -5),
        ("never disappointing", 2),
        ("not that good", 2),
    ],
)
def test_a_review_is_scored_by_its_words(text: str, score: int) -> None:
    assert lexicon.score(text) == score


def test_a_number_always_gives_the_same_review() -> None:
    assert synthetic.review(7) == synthetic.review(7)
    assert len({synthetic.review(number) for number in range(1000)}) > 300


def test_the_reviews_of_the_smoke_check_are_known_to_the_last_one() -> None:
    reviews = [synthetic.review(number) for number in range(20_000)]
    assert Counter(product for product, _ in reviews) == {
        "backpack": 4002,
        "headphones": 3996,
        "kettle": 3999,
        "lamp": 3999,
        "office chair": 4004,
    }
    scores = [lexicon.score(text) for product, text in reviews if product == "backpack"]
    assert (sum(scores), sum(score < 0 for score in scores)) == (-800, 1883)
