"""What is remembered of images that were made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from factory.ledger import Ledger
from factory.model import Adoption, ContentDifference, Layer

FOUND = ContentDifference(
    packages={"six": ("1.17.0", None)}, gone=(), new=("f",), sizes={"base": (1, 2)}, judged=True
)
ADOPTION = Adoption(
    build_id="demo:cell",
    ref="mine:1",
    config_digest="sha256:1",
    own_digest="sha256:0",
    difference=FOUND,
    layers=(Layer(made_by="bash", size=7),),
    at="2026-11-29T14:00:00+00:00",
)


def test_an_adoption_is_there_again_with_all_that_differs(tmp_path: Path) -> None:
    other = replace(ADOPTION, config_digest="sha256:2")
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.record_adoption(ADOPTION)
        ledger.record_adoption(other)
        ledger.record_adoption(replace(ADOPTION, ref="mine:2"))
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        found = ledger.adoptions()
    assert sorted(one.config_digest for one in found) == ["sha256:1", "sha256:2"]
    assert replace(ADOPTION, ref="mine:2") in found
    assert other in found
