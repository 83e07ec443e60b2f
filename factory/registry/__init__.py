"""The edge to registries, for all rooms that look something up or move it there."""

from factory.registry.attached import attached_tags, copy_attached, subject_of
from factory.registry.client import Registry
from factory.registry.copy import Copier, Moved
from factory.registry.manifest import INDEXES, Manifest
from factory.registry.reference import base_url, is_loopback, locate, place, split_tag
from factory.registry.removal import all_tags, remove, require_removal
from factory.registry.trying import pause

__all__ = [
    "INDEXES",
    "Copier",
    "Manifest",
    "Moved",
    "Registry",
    "all_tags",
    "attached_tags",
    "base_url",
    "copy_attached",
    "is_loopback",
    "locate",
    "pause",
    "place",
    "remove",
    "require_removal",
    "split_tag",
    "subject_of",
]
