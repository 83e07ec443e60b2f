"""Copying between repositories, against a made-up registry: what is asked, and when again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from factory.errors import RegistryError
from factory.registry import Copier, Manifest, Registry
from factory.registry.copy import blobs_of, children_of
from tests.unit.registry.server import OCI, Answer, Asked, Served, serving

INDEX = "application/vnd.oci.image.index.v1+json"
Upload = tuple[int, dict[str, str]]


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest_of(*blobs: bytes) -> Manifest:
    described = [{"digest": digest_of(one), "size": len(one)} for one in blobs]
    document = {"config": described[0], "layers": described[1:]}
    return Manifest(content=json.dumps(document).encode(), media_type=OCI)


@dataclass
class Fake:
    """A registry of few words.

    Attributes:
        blobs, manifests: repository and digest (or tag) to content.
        mounts: whether it mounts.
        failures: statuses that it answers writes with before it works.
    """

    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    mounts: bool = True
    failures: list[Answer] = field(default_factory=list)
    spoils: list[bytes] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)
    served: Served | None = None

    @property
    def host(self) -> str:
        assert self.served
        return self.served.host

    def said(self, method: str, part: str = "") -> list[str]:
        assert self.served
        return [one.path for one in self.served.asked if one.method == method and part in one.path]

    def answer(self, asked: Asked) -> Answer:
        found = re.fullmatch(
            r"/v2/(.+)/(manifests|blobs/uploads|blobs)/([^/?]*)(\?.*)?", asked.path
        )
        assert found, asked.path
        name, kind, reference, query = found.groups()
        if asked.method in ("POST", "PATCH") and self.failures:
            return self.failures.pop(0)
        if kind == "blobs/uploads":
            return self._upload(asked, name, reference, query or "")
        kept = self.manifests if kind == "manifests" else self.blobs
        if asked.method == "PUT":
            kept[name, reference] = kept[name, digest_of(asked.body)] = asked.body
            return 201, {}, b""
        content = kept.get((name, reference))
        if content is None:
            return 404, {}, b"{}"
        headers = {"Docker-Content-Digest": digest_of(content)} if kind == "manifests" else {}
        if kind == "blobs" and asked.method == "GET" and self.spoils:
            content = self.spoils.pop(0)
        return 200, {"Content-Type": OCI, **headers}, content

    def _upload(self, asked: Asked, name: str, reference: str, query: str) -> Answer:
        place = {"Location": f"/v2/{name}/blobs/uploads/one?state=x"}
        if asked.method == "POST":
            mount = re.search(r"mount=(\S+)&from=(\S+)", query)
            if mount and self.mounts:
                digest = mount[1].replace("%3A", ":")
                self.blobs[name, digest] = self.blobs[mount[2], digest]
                return 201, {}, b""
            return 202, place, b""
        if asked.method == "PATCH":
            self.uploads[name] = asked.body
            return 202, place, b""
        digest = query.partition("digest=")[2].replace("%3A", ":")
        if digest_of(self.uploads[name]) != digest:
            return 400, {}, b'{"errors":[{"code":"DIGEST_INVALID"}]}'
        self.blobs[name, digest] = self.uploads[name]
        return 201, {}, b""


@pytest.fixture
def two() -> Iterator[tuple[Fake, Fake]]:
    one, other = Fake(), Fake()
    with ExitStack() as stack:
        for fake in (one, other):
            fake.served = stack.enter_context(serving(fake.answer))
        yield one, other


def filled(fake: Fake, name: str, *blobs: bytes) -> Manifest:
    for blob in blobs:
        fake.blobs[name, digest_of(blob)] = blob
    manifest = manifest_of(*blobs)
    fake.manifests[name, manifest.digest] = manifest.content
    return manifest


def copier(waited: list[float] | None = None) -> Copier:
    return Copier(Registry(), sleep=(waited if waited is not None else []).append)


def test_within_one_registry_blobs_are_mounted_and_none_is_sent(two: tuple[Fake, Fake]) -> None:
    here, _ = two
    manifest = filled(here, "team/a", b"config", b"layer")
    made = copier()
    made.image(f"{here.host}/team/a", f"{here.host}/team/b", manifest, "t")
    assert here.manifests["team/b", "t"] == manifest.content
    assert (made.moved.mounted, made.moved.sent, made.moved.sent_bytes) == (2, 0, 0)
    assert not here.said("PATCH")
    assert not here.said("HEAD", "/blobs/")
    assert not here.said("GET", "/blobs/")


def test_a_registry_that_does_not_mount_is_sent_the_blob(two: tuple[Fake, Fake]) -> None:
    here, _ = two
    here.mounts = False
    manifest = filled(here, "team/a", b"config", b"layer")
    made = copier()
    made.image(f"{here.host}/team/a", f"{here.host}/team/b", manifest)
    assert made.moved.sent == 2
    assert here.blobs["team/b", digest_of(b"layer")] == b"layer"


def test_between_two_registries_only_what_is_not_there_is_sent(two: tuple[Fake, Fake]) -> None:
    here, there = two
    manifest = filled(here, "team/a", b"config", b"shared", b"layer")
    there.blobs["team/a", digest_of(b"shared")] = b"shared"
    made = copier()
    made.image(f"{here.host}/team/a", f"{there.host}/team/a", manifest, "t")
    assert (made.moved.there, made.moved.sent) == (1, 2)
    assert made.moved.sent_bytes == len(b"config") + len(b"layer")
    assert there.manifests["team/a", "t"] == manifest.content


def test_what_two_images_share_is_sent_once_and_mounted_for_the_other(
    two: tuple[Fake, Fake],
) -> None:
    here, there = two
    made = copier()
    for name, own in (("a", b"one"), ("b", b"two")):
        manifest = filled(here, name, own, b"shared")
        made.image(f"{here.host}/{name}", f"{there.host}/{name}", manifest)
    assert len(here.said("GET", digest_of(b"shared"))) == 1
    assert there.blobs["b", digest_of(b"shared")] == b"shared"
    assert made.moved.mounted == 1


def test_an_index_brings_what_it_lists_first(two: tuple[Fake, Fake]) -> None:
    here, there = two
    child = filled(here, "a", b"config", b"layer")
    content = json.dumps({"manifests": [{"digest": child.digest}]}).encode()
    index = Manifest(content=content, media_type=INDEX)
    copier().image(f"{here.host}/a", f"{there.host}/a", index, "t")
    assert there.manifests["a", child.digest] == child.content
    assert there.manifests["a", "t"] == content
    assert [path.rpartition("/")[2] for path in there.said("PUT", "/manifests/")] == [
        child.digest,
        "t",
    ]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_transfer_that_is_refused_for_now_is_tried_again(
    two: tuple[Fake, Fake], status: int
) -> None:
    here, there = two
    there.failures = [(status, {}, b""), (status, {}, b"")]
    waited: list[float] = []
    manifest = filled(here, "a", b"config")
    copier(waited).image(f"{here.host}/a", f"{there.host}/a", manifest)
    assert there.blobs["a", digest_of(b"config")] == b"config"
    assert waited == [0.5, 1.0]


def test_it_waits_as_long_as_the_registry_asks_and_a_minute_at_most(
    two: tuple[Fake, Fake],
) -> None:
    here, there = two
    there.failures = [(429, {"Retry-After": "7"}, b""), (503, {"Retry-After": "9999"}, b"")]
    waited: list[float] = []
    copier(waited).image(f"{here.host}/a", f"{there.host}/a", filled(here, "a", b"config"))
    assert waited == [7.0, 60.0]


def test_what_never_works_ends_with_the_last_refusal(two: tuple[Fake, Fake]) -> None:
    here, there = two
    there.failures = [(503, {}, b"")] * 9
    waited: list[float] = []
    with pytest.raises(RegistryError, match="HTTP 503"):
        copier(waited).image(f"{here.host}/a", f"{there.host}/a", filled(here, "a", b"config"))
    assert len(waited) == 4
    assert not there.manifests


@pytest.mark.parametrize("status", [400, 403, 405])
def test_a_definite_refusal_is_not_tried_again(two: tuple[Fake, Fake], status: int) -> None:
    here, there = two
    there.failures = [(status, {}, b"")]
    waited: list[float] = []
    with pytest.raises(RegistryError, match=f"HTTP {status}"):
        copier(waited).image(f"{here.host}/a", f"{there.host}/a", filled(here, "a", b"config"))
    assert not waited


@pytest.mark.parametrize("sent", [b"confiG", b"conf", b"config and more"])
def test_a_blob_that_is_not_that_of_its_digest_never_arrives(
    two: tuple[Fake, Fake], sent: bytes
) -> None:
    here, there = two
    manifest = filled(here, "a", b"config")
    here.spoils = [sent] * 9
    with pytest.raises(RegistryError):
        copier().image(f"{here.host}/a", f"{there.host}/a", manifest)
    assert not there.blobs
    assert not there.manifests
    here.spoils = [sent]
    copier().image(f"{here.host}/a", f"{there.host}/a", manifest)
    assert there.blobs["a", digest_of(b"config")] == b"config"


def test_a_layer_that_is_had_elsewhere_is_left_there() -> None:
    described = {"digest": "sha256:" + "a" * 64, "size": 1}
    document = {"config": described, "layers": [{**described, "urls": ["https://example.com"]}]}
    manifest = Manifest(content=json.dumps(document).encode(), media_type=OCI)
    assert len(blobs_of(manifest, "here")) == 1


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"config": 1, "layers": []}'])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(RegistryError, match="manifest"):
        blobs_of(Manifest(content=content, media_type=OCI), "here")


def test_only_an_index_has_children() -> None:
    assert children_of(manifest_of(b"config")) == ()
