"""Artifacts that refer to an image, in a real registry that has no referrers API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.registry import (
    Artifact,
    Descriptor,
    Manifest,
    Registry,
    attach,
    list_referrers,
    tags,
)
from factory.registry.blobs import exists, upload
from factory.registry.manifest import OCI_MANIFEST, digest_of
from factory.registry.referrers import referrers_tag
from tests.integration.registries import open_registry

pytestmark = pytest.mark.engine  # it takes a registry, as bootstrap.sh brings one

NOTE = Artifact(
    artifact_type="application/vnd.example.note+json",
    content=b'{"says": "one"}',
    annotations={"org.opencontainers.image.created": "2026-01-01T00:00:00+00:00"},
)
OTHER = Artifact(artifact_type="text/plain", content=b"two")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    with open_registry(tmp_path / "registry") as host:
        yield f"{host}/team/app"


def image(repository: str, content: bytes = b"layer") -> Descriptor:
    """An image of one layer, pushed without an engine."""
    registry = Registry()
    config = b'{"architecture": "amd64", "os": "linux"}'
    layer_type = "application/vnd.oci.image.layer.v1.tar"
    parts = [("application/vnd.oci.image.config.v1+json", config), (layer_type, content)]
    described = [
        Descriptor(media_type=kind, digest=upload(registry, repository, it), size=len(it)).document
        for kind, it in parts
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described[0]}
    text = json.dumps(document | {"layers": described[1:]}).encode()
    manifest = Manifest(content=text, media_type=OCI_MANIFEST)
    registry.put(repository, "one", manifest)
    return Descriptor(media_type=OCI_MANIFEST, digest=manifest.digest, size=len(text))


def test_a_blob_is_there_once_it_was_uploaded(repository: str) -> None:
    registry, content = Registry(), b"a small blob"
    assert not exists(registry, repository, digest_of(content))
    assert upload(registry, repository, content) == digest_of(content)
    assert exists(registry, repository, digest_of(content))
    assert registry.blob(repository, digest_of(content)) == content


def test_what_refers_to_an_image_is_found_by_its_digest(repository: str) -> None:
    registry, subject = Registry(), image(repository)
    assert list_referrers(registry, repository, subject.digest) == ()
    first = attach(registry, repository, subject, NOTE)
    second = attach(registry, repository, subject, OTHER)
    assert list_referrers(registry, repository, subject.digest) == (first, second)
    assert list_referrers(registry, repository, subject.digest, NOTE.artifact_type) == (first,)
    manifest = json.loads(registry.require(repository, first.digest).content)
    assert manifest["subject"]["digest"] == subject.digest
    assert registry.blob(repository, manifest["layers"][0]["digest"]) == NOTE.content


def test_the_same_artifact_is_attached_once(repository: str) -> None:
    registry, subject = Registry(), image(repository)
    first = attach(registry, repository, subject, NOTE)
    index = registry.head(repository, referrers_tag(subject.digest))
    assert attach(registry, repository, subject, NOTE) == first
    assert registry.head(repository, referrers_tag(subject.digest)) == index


def test_an_entry_that_somebody_else_overwrote_is_written_again(repository: str) -> None:
    subject = image(repository)

    class Robbed(Registry):
        """After the first write of the index another publisher puts its own in its place."""

        robbed = False

        def put(self, repository: str, reference: str, manifest: Manifest) -> bool:
            listed = super().put(repository, reference, manifest)
            if not self.robbed and not reference.startswith("sha256:"):
                self.robbed = True
                empty = json.dumps(json.loads(manifest.content) | {"manifests": []}).encode()
                super().put(
                    repository, reference, Manifest(content=empty, media_type=manifest.media_type)
                )
            return listed

    first = attach(Robbed(), repository, subject, NOTE)
    assert list_referrers(Registry(), repository, subject.digest) == (first,)


def test_tags_are_listed(repository: str) -> None:
    assert tags(Registry(), repository) == ()
    subject = image(repository)
    attach(Registry(), repository, subject, NOTE)
    assert set(tags(Registry(), repository)) == {"one", referrers_tag(subject.digest)}
