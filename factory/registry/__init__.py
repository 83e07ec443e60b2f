"""The edge to registries, for all rooms that look something up or move it there."""

from factory.registry.blobs import upload
from factory.registry.client import Registry
from factory.registry.listing import tags
from factory.registry.manifest import INDEXES, OCI_MANIFEST, Manifest, digest_of, document_of
from factory.registry.reference import base_url, is_loopback, locate, place, split_tag
from factory.registry.referrers import Artifact, Descriptor, attach, list_referrers

__all__ = [
    "INDEXES",
    "OCI_MANIFEST",
    "Artifact",
    "Descriptor",
    "Manifest",
    "Registry",
    "attach",
    "base_url",
    "digest_of",
    "document_of",
    "is_loopback",
    "list_referrers",
    "locate",
    "place",
    "split_tag",
    "tags",
    "upload",
]
