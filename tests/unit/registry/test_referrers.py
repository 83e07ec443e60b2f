"""Lists of registries that have the referrers API, come in pages, or answer nonsense."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from factory.errors import RegistryError
from factory.registry import Artifact, Descriptor, Registry, attach, list_referrers, tags
from factory.registry.blobs import upload
from factory.registry.manifest import OCI_INDEX, OCI_MANIFEST
from factory.registry.reference import Location
from factory.registry.resource import is_own, resource_url
from tests.unit.registry.server import Answer, Asked, Served, serving

SUBJECT = Descriptor(media_type=OCI_MANIFEST, digest="sha256:" + "a" * 64, size=7)
NOTE = Artifact(artifact_type="application/vnd.example.note+json", content=b"{}")
AT = Location(host="registry.example", name="team/app", key="registry.example")


@contextmanager
def answering(answer: Callable[[Asked], Answer]) -> Iterator[Served]:
    with serving(answer) as served:
        yield served


def listed(*entries: Descriptor) -> bytes:
    return json.dumps({"manifests": [one.document for one in entries]}).encode()


def entry(kind: str, digit: str) -> Descriptor:
    return Descriptor(
        media_type=OCI_MANIFEST,
        digest="sha256:" + digit * 64,
        size=1,
        artifact_type=kind,
        annotations={"a": "b"},
    )


def test_all_pages_are_read_and_the_type_is_seen_to_here() -> None:
    one, two, three = entry("x/y+json", "1"), entry("text/plain", "2"), entry("x/y+json", "3")

    def answer(asked: Asked) -> Answer:
        if "page=2" in asked.path:
            return 200, {"Content-Type": OCI_INDEX}, listed(three)
        more = f'</v2/team/app/referrers/{SUBJECT.digest}?page=2>; rel="next"'
        return 200, {"Content-Type": OCI_INDEX, "Link": more}, listed(one, two)

    with answering(answer) as served:
        found = list_referrers(Registry(), served.repository, SUBJECT.digest, "x/y+json")
    assert found == (one, three)
    assert served.asked[0].path.endswith("?artifactType=x/y%2Bjson")


def test_a_registry_that_keeps_the_list_is_left_to_it() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.method == "HEAD":
            return 200, {}, b""
        return 201, {"OCI-Subject": SUBJECT.digest}, b""

    with answering(answer) as served:
        attach(Registry(), served.repository, SUBJECT, NOTE)
    assert [one.method for one in served.asked] == ["HEAD", "HEAD", "PUT"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"[" * 100_000])
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with (
        answering(lambda _: (200, {}, body)) as served,
        pytest.raises(RegistryError, match="is not one"),
    ):
        tags(Registry(), served.repository)


def test_entries_that_are_none_are_passed_over() -> None:
    good = entry("text/plain", "1")
    endless = {"mediaType": "x", "digest": "y", "size": float("inf")}
    entries = [None, 7, {"digest": 1}, endless, good.document]
    body = json.dumps({"manifests": entries}).replace("Infinity", "1e999").encode()
    with answering(lambda _: (200, {}, body)) as served:
        assert list_referrers(Registry(), served.repository, SUBJECT.digest) == (good,)


def test_a_refused_upload_says_where_and_what_to_do() -> None:
    def answer(asked: Asked) -> Answer:
        return (404, {}, b"") if asked.method == "HEAD" else (403, {}, b"")

    with (
        answering(answer) as served,
        pytest.raises(RegistryError, match="did not begin an upload") as caught,
    ):
        upload(Registry(), served.repository, b"x")
    assert caught.value.todo == "see that you may use this repository"


def test_an_upload_goes_on_where_the_registry_says() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.method == "HEAD":
            return 404, {}, b""
        if asked.method == "POST":
            return 202, {"Location": "/elsewhere?state=1"}, b""
        return 201, {}, b""

    with answering(answer) as served:
        digest = upload(Registry(), served.repository, b"x")
    assert served.said[-1] == f"PUT /elsewhere?state=1&digest={digest}"
    assert served.asked[-1].body == b"x"


def test_only_the_registry_itself_is_told_who_asks() -> None:
    assert is_own(resource_url(AT, "blobs/sha256:1"), AT)
    assert is_own(resource_url(AT, "/v2/upload"), AT)
    assert not is_own(resource_url(AT, "https://storage.example/x"), AT)


def test_a_registry_that_forgets_https_is_still_spoken_to_by_it() -> None:
    assert resource_url(AT, "http://registry.example/v2/u") == "https://registry.example/v2/u"
