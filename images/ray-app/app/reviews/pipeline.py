"""The batch job as three steps over Ray Data: read or make up, score, sum up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
import ray.data
from ray.data.aggregate import Count, Sum
from ray.data.context import ShuffleStrategy

from reviews import lexicon, synthetic

Batch = dict[str, np.ndarray[Any, Any]]

_BLOCKS = 8


@dataclass(frozen=True)
class Product:
    """What is said about one product: how many reviews, how many unhappy ones, total score."""

    reviews: int
    unhappy: int
    score: int


def configure() -> None:
    """Set Ray Data up for this job; call it before anything else here.

    A handful of groups needs no actors to shuffle rows between; and the pool starts as a whole,
    since else its first actor may have done everything before the others are there.
    """
    context = ray.data.DataContext.get_current()
    context.shuffle_strategy = ShuffleStrategy.SORT_SHUFFLE_PULL_BASED
    context.wait_for_min_actors_s = 120


def read(path: str) -> ray.data.Dataset:
    """Reviews from JSON Lines (``*.jsonl``) or Parquet with the columns product and text."""
    lines = path.endswith((".json", ".jsonl"))
    return ray.data.read_json(path) if lines else ray.data.read_parquet(path)


def make_up(rows: int) -> ray.data.Dataset:
    """So many synthetic reviews."""
    return ray.data.range(rows, override_num_blocks=_BLOCKS).map_batches(_make_up)


def _make_up(batch: Batch) -> Batch:
    products, texts = zip(*(synthetic.review(int(number)) for number in batch["id"]), strict=True)
    return {"product": np.array(products), "text": np.array(texts)}


class Scorer:
    """An actor that would hold a model; its node goes into the rows, to see who did the work."""

    def __init__(self) -> None:
        self._node = ray.get_runtime_context().get_node_id()

    def __call__(self, batch: Batch) -> Batch:
        scores = np.array([lexicon.score(str(text)) for text in batch["text"]], dtype=np.int64)
        return {
            "product": batch["product"],
            "score": scores,
            "unhappy": (scores < 0).astype(np.int64),
            "node": np.full(len(scores), self._node),
        }


def score(reviews: ray.data.Dataset, *, actors: int) -> ray.data.Dataset:
    """Score every review in a pool of so many actors."""
    pool = ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2)
    return reviews.map_batches(Scorer, compute=pool, batch_size=1024)


def summarise(scored: ray.data.Dataset) -> Mapping[str, Product]:
    """One entry a product, by name."""
    rows = (
        scored.groupby("product")
        .aggregate(
            Count(alias_name="reviews"),
            Sum("unhappy", alias_name="unhappy"),
            Sum("score", alias_name="score"),
        )
        .take_all()
    )
    return {
        str(row["product"]): Product(int(row["reviews"]), int(row["unhappy"]), int(row["score"]))
        for row in sorted(rows, key=lambda row: str(row["product"]))
    }
