"""Whether launchers would find the nodes healthy."""

from __future__ import annotations

from ..protocol import Expected
from .cluster import alive, expect, on_each
from .probe import GCS, RAYLET, complaint


def health(_: Expected) -> None:
    """Each node's raylet, asked on that node as a probe does, and the head's GCS, asked here."""
    members = alive()
    for node, said in zip(members, on_each(members, complaint, RAYLET)):
        expect(not said, f"on {node.address} {said}")
    said = complaint(GCS)
    expect(not said, f"on the head {said}")
