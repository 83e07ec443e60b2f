"""The edge to registries, for all rooms that look something up or move it there."""

from factory.registry.allowance import Allowance
from factory.registry.amazon import Amazon
from factory.registry.attached import (
    Brought,
    attached_tags,
    attached_to,
    copy_attached,
    has_attached,
    refers_to,
    subject_of,
)
from factory.registry.blobs import upload
from factory.registry.client import Registry
from factory.registry.copy import Copier, Moved
from factory.registry.credentials import Credentials, docker_credentials
from factory.registry.listing import tags
from factory.registry.manifest import (
    INDEXES,
    OCI_MANIFEST,
    Manifest,
    digest_of,
    document_of,
    read_json,
)
from factory.registry.reference import base_url, is_loopback, locate, place, split_tag
from factory.registry.referrers import (
    Artifact,
    Descriptor,
    all_referrers,
    attach,
    attach_all,
    delist,
    list_referrers,
    referrers_tag,
)
from factory.registry.removal import reclaim, remove, require_removal
from factory.registry.trying import pause

__all__ = [
    "INDEXES",
    "OCI_MANIFEST",
    "Allowance",
    "Amazon",
    "Artifact",
    "Brought",
    "Copier",
    "Credentials",
    "Descriptor",
    "Manifest",
    "Moved",
    "Registry",
    "all_referrers",
    "attach",
    "attach_all",
    "attached_tags",
    "attached_to",
    "base_url",
    "copy_attached",
    "delist",
    "digest_of",
    "docker_credentials",
    "document_of",
    "has_attached",
    "is_loopback",
    "list_referrers",
    "locate",
    "pause",
    "place",
    "read_json",
    "reclaim",
    "referrers_tag",
    "refers_to",
    "remove",
    "require_removal",
    "split_tag",
    "subject_of",
    "tags",
    "upload",
]
