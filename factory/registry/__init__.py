"""The edge to registries, for all rooms that look something up or move it there."""

from factory.registry.allowance import Allowance
from factory.registry.amazon import Amazon
from factory.registry.client import Registry
from factory.registry.credentials import Credentials, docker_credentials
from factory.registry.manifest import INDEXES, Manifest
from factory.registry.reference import base_url, is_loopback, locate, place, split_tag

__all__ = [
    "INDEXES",
    "Allowance",
    "Amazon",
    "Credentials",
    "Manifest",
    "Registry",
    "base_url",
    "docker_credentials",
    "is_loopback",
    "locate",
    "place",
    "split_tag",
]
