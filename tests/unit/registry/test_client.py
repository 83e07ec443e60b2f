"""The registry client against a server that misbehaves on demand."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from factory.errors import RegistryError
from factory.registry import Manifest, Registry, client

OCI = "application/vnd.oci.image.manifest.v1+json"
BODY = json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:" + "c" * 64}}).encode()
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
ANSWER = (200, {"Content-Type": OCI, "Docker-Content-Digest": DIGEST}, BODY)
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Server:
    """Gives the scripted answers in turn, the last one for ever, and remembers what was asked."""

    answers: list[Answer] = field(default_factory=lambda: [ANSWER])
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    host: str = ""

    @property
    def repository(self) -> str:
        return f"{self.host}/team/app"


@pytest.fixture
def server() -> Iterator[Server]:
    script = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.asked.append((self.command, self.path, dict(self.headers), body))
            index = min(len(script.asked), len(script.answers)) - 1
            status, headers, content = script.answers[index]
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = handle_one  # noqa: N815 — names that http.server prescribes

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    script.host = f"127.0.0.1:{http.server_port}"
    yield script
    http.shutdown()
    http.server_close()


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
        Registry(backoff=0.02).get(server.repository, "t")
    assert caught.value.where == f"{server.repository}:t"
    assert "HTTP 503" in caught.value.what
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


def test_credentials_come_through_the_seam(server: Server) -> None:
    registry = Registry(authorize=lambda repository: {"Authorization": f"Bearer {repository}"})
    registry.head(server.repository, "t")
    assert server.asked[0][2]["Authorization"] == f"Bearer {server.repository}"


def test_a_registry_that_is_not_there_is_named() -> None:
    with pytest.raises(RegistryError) as caught:
        Registry().head("127.0.0.1:1/team/app", "t")
    assert "127.0.0.1:1 cannot be reached" in caught.value.what
    assert caught.value.where == "127.0.0.1:1/team/app:t"
    assert caught.value.todo
