"""What is taken for the manifest of one image."""

from __future__ import annotations

import json

import pytest

from factory.errors import PublishError
from factory.model import KEY_LABEL
from factory.publish.keys import key_of
from factory.publish.manifest import config_digest
from factory.registry import Manifest

OCI = "application/vnd.oci.image.manifest.v1+json"
BODY = json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:" + "c" * 64}}).encode()


def test_an_image_is_known_by_the_digest_of_its_configuration() -> None:
    manifest = Manifest(content=BODY, media_type=OCI)
    assert config_digest(manifest, "somewhere") == "sha256:" + "c" * 64


@pytest.mark.parametrize(
    "manifest",
    [
        Manifest(content=b'{"manifests": []}', media_type=OCI),
        Manifest(content=BODY, media_type="application/vnd.oci.image.index.v1+json"),
    ],
)
def test_an_index_is_met_with_a_clear_error(manifest: Manifest) -> None:
    with pytest.raises(PublishError, match="index of several images"):
        config_digest(manifest, "somewhere")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"{}", b'{"config": 1}', b"null"])
def test_what_is_no_manifest_is_met_with_a_clear_error(content: bytes) -> None:
    with pytest.raises(PublishError, match="not the manifest of an image"):
        config_digest(Manifest(content=content, media_type=OCI), "somewhere")


@pytest.mark.parametrize("name", ["config", "Config", "con\uff46ig", "\u017fchemaVersion"])
def test_what_engines_may_read_in_another_way_is_no_manifest(name: str) -> None:
    """They do not mind the case of names, and take the last of several."""
    more = f', "{name}": {{"digest": "sha256:{"e" * 64}"}}}}'
    content = BODY[:-1] + more.encode()
    if name == "con\uff46ig":  # which folds to itself: it is another name to them as well
        assert config_digest(Manifest(content=content, media_type=OCI), "somewhere")
        return
    with pytest.raises(PublishError, match="not the manifest of an image"):
        config_digest(Manifest(content=content, media_type=OCI), "somewhere")


def test_what_is_nested_without_end_is_no_manifest() -> None:
    content = b'{"config":' + b"[" * 100_000
    with pytest.raises(PublishError, match="not the manifest of an image"):
        config_digest(Manifest(content=content, media_type=OCI), "somewhere")


@pytest.mark.parametrize("label", ["../../latest", "b" * 63, "B" * 64, 7, None])
def test_what_is_no_key_makes_no_tag(label: object) -> None:
    assert key_of(json.dumps({"config": {"Labels": {KEY_LABEL: label}}}).encode()) == ""
    whole = json.dumps({"config": {"Labels": {KEY_LABEL: "b" * 64}}}).encode()
    assert key_of(whole) == "b" * 64
