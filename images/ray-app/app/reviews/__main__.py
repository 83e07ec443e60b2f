"""The command line of the batch job."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import ray

from reviews.pipeline import Product, configure, make_up, read, score, summarise


def main() -> None:
    """Score reviews and print, or write, what is said about each product."""
    parser = argparse.ArgumentParser(prog="python -m reviews", description=main.__doc__)
    parser.add_argument("--input", help="JSON Lines or Parquet with the columns product and text")
    parser.add_argument("--rows", type=int, default=20_000, help="made-up reviews without --input")
    parser.add_argument("--actors", type=int, help="how many score at once, each on a CPU")
    parser.add_argument("--output", type=Path, help="a JSON file to write instead of printing")
    options = parser.parse_args()
    ray.init(ignore_reinit_error=True)
    cpus = int(ray.cluster_resources().get("CPU", 0))
    actors = options.actors or min(2, cpus - 1)
    if not 0 < actors < cpus:
        parser.error(f"{actors} actors and what feeds them do not fit on {cpus} CPUs")
    configure()
    reviews = read(options.input) if options.input else make_up(options.rows)
    products = summarise(score(reviews, actors=actors))
    if options.output:
        document = {name: asdict(product) for name, product in products.items()}
        options.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    else:
        print(_table(products))


def _table(products: Mapping[str, Product]) -> str:
    lines = [f"{'product':<16}{'reviews':>10}{'unhappy':>10}{'mean score':>12}"]
    for name, product in products.items():
        mean = product.score / product.reviews
        lines.append(f"{name:<16}{product.reviews:>10}{product.unhappy:>10}{mean:>12.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
