"""The edge to registries, for all rooms that look something up or move it there."""

from factory.registry.client import Registry
from factory.registry.manifest import INDEXES, Manifest
from factory.registry.reference import base_url, is_loopback, locate, place, split_tag

__all__ = [
    "INDEXES",
    "Manifest",
    "Registry",
    "base_url",
    "is_loopback",
    "locate",
    "place",
    "split_tag",
]
