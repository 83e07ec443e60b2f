"""The registry client against a server that misbehaves on demand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from factory.errors import RegistryError
from factory.registry import Manifest, Registry, client
from factory.registry.credentials import Credentials
from factory.registry.transport import Patience
from tests.unit.registry.server import ANSWER, BODY, DIGEST, OCI, Answer, Asked, Served, serving


@dataclass
class Server:
    """Gives the scripted answers in turn, the last one for ever."""

    served: Served | None = None
    answers: list[Answer] = field(default_factory=lambda: [ANSWER])

    @property
    def asked(self) -> list[Asked]:
        assert self.served
        return self.served.asked

    @property
    def repository(self) -> str:
        assert self.served
        return self.served.repository

    def answer(self, _asked: Asked) -> Answer:
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@pytest.fixture
def server() -> Iterator[Server]:
    script = Server()
    with serving(script.answer) as script.served:
        yield script


def test_head_asks_once_and_accepts_docker_and_oci_types(server: Server) -> None:
    assert Registry().head(server.repository, "t") == DIGEST
    [(method, path, headers, _)] = server.asked
    assert (method, path) == ("HEAD", "/v2/team/app/manifests/t")
    for kind in ("docker.distribution.manifest.v2", "oci.image.manifest", "list.v2", "image.index"):
        assert kind in headers["Accept"]


def test_a_definite_not_found_is_an_answer_and_not_tried_again(server: Server) -> None:
    server.answers = [(404, {}, b"{}")]
    assert Registry().head(server.repository, "t") is None
    assert Registry().get(server.repository, "t") is None
    assert len(server.asked) == 2


def test_throttling_waits_as_long_as_it_is_asked_to(server: Server) -> None:
    server.answers = [(429, {"Retry-After": "1"}, b""), ANSWER]
    started = time.monotonic()
    assert Registry().head(server.repository, "t") == DIGEST
    assert time.monotonic() - started >= 1
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 0])
def test_a_passing_failure_is_tried_again(server: Server, status: int) -> None:
    server.answers = [(status, {}, b""), ANSWER]
    assert Registry().head(server.repository, "t") == DIGEST


def test_a_failure_that_stays_is_told_with_registry_repository_and_tag(server: Server) -> None:
    server.answers = [(503, {}, b"overloaded")]
    with pytest.raises(RegistryError) as caught:
        Registry(patience=Patience(backoff=0.02)).get(server.repository, "t")
    assert caught.value.where == f"{server.repository}:t"
    assert "HTTP 503" in caught.value.what
    assert caught.value.status == 503
    assert caught.value.detail == ("overloaded",)


@pytest.mark.parametrize("status", [401, 403])
def test_a_closed_door_is_not_knocked_at_twice(server: Server, status: int) -> None:
    server.answers = [(status, {}, b"")]
    with pytest.raises(RegistryError, match=str(status)):
        Registry().head(server.repository, "t")
    assert len(server.asked) == 1


def test_a_head_without_the_digest_header_is_settled_by_hashing(server: Server) -> None:
    server.answers = [(200, {"Content-Type": OCI}, BODY)]
    assert Registry().head(server.repository, "t") == DIGEST


def test_a_page_in_place_of_a_manifest_has_no_digest(server: Server) -> None:
    server.answers = [(200, {"Content-Type": "text/html"}, b"<html>Welcome</html>")]
    with pytest.raises(RegistryError, match="text/html, which is no image"):
        Registry().head(server.repository, "t")


def test_bytes_that_are_not_those_of_their_digest_are_refused(server: Server) -> None:
    server.answers = [(200, {"Content-Type": OCI, "Docker-Content-Digest": DIGEST}, BODY + b" ")]
    with pytest.raises(RegistryError, match="digest"):
        Registry().get(server.repository, "t")


def test_another_manifest_than_the_digest_asked_for_is_refused(server: Server) -> None:
    with pytest.raises(RegistryError, match="digest"):
        Registry().get(server.repository, "sha256:" + "0" * 64)


def test_a_blob_comes_whole_and_by_its_digest(server: Server) -> None:
    server.answers = [(503, {}, b""), (200, {}, BODY)]
    assert Registry().blob(server.repository, DIGEST) == BODY
    assert server.asked[-1][:2] == ("GET", f"/v2/team/app/blobs/{DIGEST}")


def test_a_blob_with_other_bytes_is_refused(server: Server) -> None:
    server.answers = [(200, {}, BODY + b" ")]
    with pytest.raises(RegistryError, match="digest"):
        Registry().blob(server.repository, DIGEST)


def test_a_blob_that_is_gone_is_an_error(server: Server) -> None:
    server.answers = [(404, {}, b"BLOB_UNKNOWN")]
    with pytest.raises(RegistryError, match="404") as caught:
        Registry().blob(server.repository, DIGEST)
    assert caught.value.detail == ("BLOB_UNKNOWN",)


def test_a_blob_too_large_for_a_configuration_is_not_read(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_BLOB_BYTES", len(BODY) - 1)
    server.answers = [(200, {}, BODY)]
    with pytest.raises(RegistryError, match="more than"):
        Registry().blob(server.repository, DIGEST)


def test_put_sends_the_same_bytes_and_type(server: Server) -> None:
    server.answers = [(201, {}, b"")]
    Registry().put(server.repository, "t", Manifest(content=BODY, media_type=OCI))
    [(method, _, headers, body)] = server.asked
    assert (method, headers["Content-Type"], body) == ("PUT", OCI, BODY)


def test_a_refused_put_is_an_error(server: Server) -> None:
    server.answers = [(400, {}, b"manifest invalid")]
    with pytest.raises(RegistryError, match="400"):
        Registry().put(server.repository, "t", Manifest(content=BODY, media_type=OCI))


@pytest.mark.parametrize(
    ("status", "why"),
    [(202, ""), (404, ""), (405, "HTTP 405"), (400, "HTTP 400"), (403, "HTTP 403")],
)
def test_a_tag_is_taken_away_or_it_is_said_why_not(server: Server, status: int, why: str) -> None:
    server.answers = [(status, {}, b"{}")]
    said = Registry().untag(server.repository, "t")
    assert (why in said) if why else (said == "")
    [(method, path, _, _)] = server.asked
    assert (method, path) == ("DELETE", "/v2/team/app/manifests/t")


def test_a_registry_that_is_not_there_is_named() -> None:
    with pytest.raises(RegistryError) as caught:
        Registry().head("127.0.0.1:1/team/app", "t")
    assert "127.0.0.1:1 cannot be reached: Failed to establish" in caught.value.what
    assert caught.value.where == "127.0.0.1:1/team/app:t"
    assert caught.value.todo
    assert caught.value.status is None
    assert caught.value.exit_code == 6


def test_throttling_that_stays_tells_how_long_it_is_to_last(server: Server) -> None:
    server.answers = [(429, {"Retry-After": "3600"}, b"slow down")]
    with pytest.raises(RegistryError, match="HTTP 429") as caught:
        Registry().hasty().head(server.repository, "t")
    assert caught.value.status == 429
    assert caught.value.detail == ("Retry-After: 3600",)
    assert "wait" in caught.value.todo
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_registry_is_known_by_its_answer(server: Server, status: int) -> None:
    server.answers = [(status, {}, b"{}")]
    Registry().ping(server.repository)
    assert [one.said for one in server.asked] == ["GET /v2/"]


@pytest.mark.parametrize("status", [404, 503])
def test_something_else_that_listens_is_no_registry(server: Server, status: int) -> None:
    server.answers = [(status, {}, b"nginx")]
    with pytest.raises(RegistryError, match="does not speak as one") as caught:
        Registry().hasty().ping(server.repository)
    assert caught.value.status == status


def test_a_redirect_to_another_host_goes_without_what_let_us_in_here(server: Server) -> None:
    with serving(lambda asked: (200, {}, BODY)) as elsewhere:
        challenge = {"WWW-Authenticate": 'Basic realm="here"'}
        away = {"Location": f"http://{elsewhere.host}/store"}
        server.answers = [(401, challenge, b""), (307, away, b"")]
        who = Credentials(username="me", secret="hush")
        assert Registry(lambda key: who).blob(server.repository, DIGEST) == BODY
        assert server.asked[-1].permit == who.basic
        assert [one.permit for one in elsewhere.asked] == [""]


def test_a_tag_that_may_not_be_rewritten_and_is_right_already_is_written(server: Server) -> None:
    said: Answer = (
        400,
        {},
        b'{"errors":[{"code":"TAG_INVALID","message":"the tag is immutable"}]}',
    )
    server.answers = [said, ANSWER]
    Registry().put(server.repository, "t", Manifest(content=BODY, media_type=OCI))
    assert [one.method for one in server.asked] == ["PUT", "HEAD"]


def test_a_tag_that_may_not_be_rewritten_and_names_something_else_is_refused(
    server: Server,
) -> None:
    server.answers = [(400, {}, b"the tag is immutable"), (404, {}, b"")]
    with pytest.raises(RegistryError, match="did not take the manifest") as caught:
        Registry().put(server.repository, "t", Manifest(content=BODY, media_type=OCI))
    assert caught.value.detail == ("the tag is immutable",)


def test_each_manifest_waits_for_its_registrys_pace(server: Server) -> None:
    waited: list[str] = []
    server.answers = [(201, {}, b"")]
    registry = Registry(pace=waited.append)
    registry.hasty().put(server.repository, "t", Manifest(content=BODY, media_type=OCI))
    assert waited == [server.repository]


@pytest.mark.parametrize("place", ["http://[", "file:///etc/passwd", "ftp://host/x"])
def test_a_place_to_go_on_at_that_is_none_is_an_error_and_no_trace(place: str) -> None:
    with pytest.raises(RegistryError, match="a place to go on at that is none"):
        Registry().request("PUT", "127.0.0.1:1/app", place, headers={}, where="here")
