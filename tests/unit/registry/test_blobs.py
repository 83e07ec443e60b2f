"""Small blobs: what fails for now is begun anew, and nothing is sent that is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from factory.errors import RegistryError
from factory.registry import Registry, trying
from factory.registry.blobs import upload
from factory.registry.manifest import digest_of
from tests.unit.registry.server import Answer, Asked, serving

CONTENT = b"evidence"
UNKNOWN = b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}'


class Store:
    """A registry of one blob, which spoils requests as it is told: method to answers, the first of
    them first; ``None`` takes the blob and loses the answer."""

    def __init__(self, **spoilt: list[Answer | None]) -> None:
        self.spoilt = spoilt
        self.there = False

    def __call__(self, asked: Asked) -> Answer:
        answers = self.spoilt.get(asked.method)
        spoilt = answers.pop(0) if answers else ()
        if spoilt is None:
            self.there = True
            return 0, {}, b""
        if spoilt:
            return spoilt
        if asked.method == "HEAD":
            return (200 if self.there else 404), {}, b""
        if asked.method == "POST":
            return 202, {"Location": "/v2/team/app/blobs/uploads/one?state=x"}, b""
        if self.there:
            return 404, {}, UNKNOWN  # the upload was used up
        self.there = digest_of(asked.body) in asked.path
        return (201 if self.there else 400), {}, b""


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long is waited, which no test does."""
    made: list[float] = []

    def persistently(work: Callable[[], None]) -> None:
        trying.persistently(work, sleep=made.append)

    monkeypatch.setattr("factory.registry.blobs.persistently", persistently)
    return made


def test_what_is_there_is_not_sent(pauses: list[float]) -> None:
    store = Store()
    store.there = True
    with serving(store) as served:
        assert upload(Registry(), served.repository, CONTENT) == digest_of(CONTENT)
    assert [one.method for one in served.asked] == ["HEAD"]
    assert pauses == []


def test_an_upload_that_is_put_off_is_begun_when_the_registry_says(pauses: list[float]) -> None:
    store = Store(POST=[(429, {"Retry-After": "7"}, b""), (500, {}, b"")])
    with serving(store) as served:
        upload(Registry(), served.repository, CONTENT)
    assert store.there
    assert pauses == [7.0, trying.pause(2)]


def test_a_blob_that_was_taken_though_the_answer_was_lost_is_there(pauses: list[float]) -> None:
    store = Store(PUT=[None])
    with serving(store) as served:
        upload(Registry(), served.repository, CONTENT)
    assert [one.method for one in served.asked].count("POST") == 1
    assert len(pauses) <= 1


def test_a_refusal_is_one_at_once(pauses: list[float]) -> None:
    with (
        serving(Store(POST=[(403, {}, b"denied")])) as served,
        pytest.raises(RegistryError, match="did not begin an upload"),
    ):
        upload(Registry(), served.repository, CONTENT)
    assert pauses == []
