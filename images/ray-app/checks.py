"""Smoke checks of this image, run on a cluster that was booted from it."""

from __future__ import annotations

from reviews import lexicon, synthetic
from reviews.pipeline import Product, configure, make_up, score, summarise

LIMITS = {"check_batch_scoring": 120}

_ROWS = 20_000


def check_batch_scoring() -> None:
    """The pool works on two nodes, and the sums are those of a plain loop, to the last review."""
    configure()
    reviews = make_up(_ROWS).materialize()  # all there at once, so that no actor waits for work
    scored = score(reviews, actors=2).materialize()
    nodes = {str(node) for batch in scored.iter_batches() for node in batch["node"]}
    assert len(nodes) == 2, f"2 actors worked on {len(nodes)} node(s)"
    products, expected = summarise(scored), _in_a_loop()
    assert products == expected, f"summed up {products}, expected {expected}"


def _in_a_loop() -> dict[str, Product]:
    reviews = [synthetic.review(number) for number in range(_ROWS)]
    return {name: _of(name, reviews) for name in synthetic.PRODUCTS}


def _of(name: str, reviews: list[tuple[str, str]]) -> Product:
    scores = [lexicon.score(text) for product, text in reviews if product == name]
    return Product(len(scores), sum(score < 0 for score in scores), sum(scores))
