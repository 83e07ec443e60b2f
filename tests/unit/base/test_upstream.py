"""Bases from a registry: names, and what is said when they cannot be had."""

from __future__ import annotations

import socket
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread, Timer

import pytest

from factory import process
from factory.base import upstream
from factory.base.upstream import answers, resolve, upstream_repository, upstream_tag
from factory.errors import ConfigError, FactoryError, Interrupted, MachineError
from factory.registry import Registry
from factory.registry.credentials import Credentials
from factory.registry.transport import Patience
from tests.unit.registry.server import ANSWER, DIGEST, Answer, Asked, Served, serving

TAG = "2.60.0-py311-cu130"
SECRET = "hush-hush"
ASKS = {"WWW-Authenticate": 'Basic realm="here"'}
HERE: Answer = (200, {}, b"{}")
NOBODY = "127.0.0.1:1/rayproject/ray"


@dataclass
class Mirror:
    """A registry that answers to ``/v2/`` and to manifests as scripted."""

    root: Answer = HERE
    manifest: Answer = ANSWER
    served: Served = field(default_factory=lambda: Served(host=""))

    def answer(self, asked: Asked) -> Answer:
        return self.root if asked.path == "/v2/" else self.manifest

    @property
    def repository(self) -> str:
        return upstream_repository(f"{self.served.host}/hub")

    def refusal(self, credentials: Credentials | None = None) -> FactoryError:
        with pytest.raises(FactoryError) as caught:
            resolve(registry(credentials), self.repository, TAG)
        assert SECRET not in str(caught.value)
        return caught.value


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    found = Mirror()
    with serving(found.answer) as found.served:
        yield found


def registry(credentials: Credentials | None = None) -> Registry:
    return Registry(lambda key: credentials, patience=Patience(retries=0, reconnects=0, waits=0))


@pytest.mark.parametrize(
    ("ray", "python", "platform", "tag"),
    [
        ("2.60.0", "3.11", "cpu", "2.60.0-py311-cpu"),
        ("2.60.0", "3.10", "cu130", "2.60.0-py310-cu130"),
        ("2.9.3", "3.8", "cu121", "2.9.3-py38-cu121"),
    ],
)
def test_tags_follow_rays_grammar(ray: str, python: str, platform: str, tag: str) -> None:
    assert upstream_tag(ray, python, platform) == tag


def test_a_mirror_has_the_same_name_below_it() -> None:
    assert upstream_repository(None) == "docker.io/rayproject/ray"
    assert upstream_repository("127.0.0.1:5000/hub") == "127.0.0.1:5000/hub/rayproject/ray"
    assert upstream_repository("hub.example/") == "hub.example/rayproject/ray"


def test_a_tag_is_resolved_without_a_pull(mirror: Mirror) -> None:
    assert resolve(registry(), mirror.repository, TAG) == DIGEST
    assert mirror.served.said == [f"HEAD /v2/hub/rayproject/ray/manifests/{TAG}"]


def test_a_tag_that_is_not_published_is_a_mistake_in_the_matrix(mirror: Mirror) -> None:
    mirror.manifest = (404, {}, b"")
    error = mirror.refusal()
    assert isinstance(error, ConfigError)
    assert error.exit_code == 2
    assert f"{mirror.repository}:{TAG}" in error.what
    assert "Ray 2.60.0, Python 3.11 and cu130" in error.what
    for remedy in ("exclude", "another Ray", "CUDA", "`base.source: packages`"):
        assert remedy in error.todo


@pytest.mark.parametrize("root", [(404, {}, b"nginx"), (500, {}, b"")])
def test_what_is_no_registry_does_not_say_that_a_tag_is_missing(
    mirror: Mirror, root: Answer
) -> None:
    mirror.manifest, mirror.root = (404, {}, b""), root
    error = mirror.refusal()
    assert isinstance(error, MachineError)
    assert "does not speak as one" in error.what


def test_a_registry_that_is_not_there_lacks_to_this_machine() -> None:
    with pytest.raises(MachineError, match="cannot be reached") as caught:
        resolve(registry(), NOBODY, TAG)
    assert caught.value.exit_code == 7
    assert caught.value.where == f"{NOBODY}:{TAG}"
    assert "`base.mirror`" in caught.value.todo
    assert "`base.source: packages`" in caught.value.todo


@pytest.mark.parametrize(
    ("manifest", "remedy"),
    [
        ((429, {"Retry-After": "3600"}, b""), "wait for its limit"),
        ((401, ASKS, b""), "docker login 127.0.0.1:"),
        ((403, {}, b""), "docker login 127.0.0.1:"),
    ],
)
def test_being_held_off_is_told_with_what_lets_one_in(
    mirror: Mirror, manifest: Answer, remedy: str
) -> None:
    mirror.manifest = manifest
    error = mirror.refusal(Credentials(username="me", secret=SECRET))
    assert isinstance(error, MachineError)
    assert error.exit_code == 7
    assert str(manifest[0]) in error.what
    assert remedy in error.todo
    assert "docker login" in error.todo
    assert "`base.source: packages`" in error.todo


def test_how_long_it_holds_off_is_told(mirror: Mirror) -> None:
    mirror.manifest = (429, {"Retry-After": "3600"}, b"")
    assert mirror.refusal().detail == ("Retry-After: 3600",)


def test_what_is_no_digest_goes_no_further(mirror: Mirror) -> None:
    mirror.manifest = (200, {"Docker-Content-Digest": f"{DIGEST} AS x"}, b"")
    error = mirror.refusal()
    assert isinstance(error, MachineError)
    assert "no digest" in error.what


@pytest.fixture
def silent() -> Iterator[str]:
    """The repository of a host that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}/rayproject/ray"


def test_nobody_is_waited_for_without_end(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "_PATIENT_SECONDS", 0.3)
    monkeypatch.setattr(upstream, "_SECONDS", 0.2)
    with pytest.raises(MachineError, match="does not answer within") as caught:
        resolve(Registry(), silent, TAG)
    assert caught.value.where == f"{silent}:{TAG}"
    assert "`base.source: packages`" in caught.value.todo


def test_one_that_makes_us_wait_too_long_is_told_as_what_it_says(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "_PATIENT_SECONDS", 0.3)
    mirror.manifest = (429, {"Retry-After": "5"}, b"")
    with pytest.raises(MachineError, match="HTTP 429") as caught:
        resolve(Registry(lambda key: None), mirror.repository, TAG)
    assert "wait for its limit" in caught.value.todo
    assert caught.value.detail == ("Retry-After: 5",)


@pytest.mark.usefixtures("cancellable")
def test_an_interrupt_ends_the_wait(silent: str) -> None:
    Timer(0.2, process.cancel_all).start()
    with pytest.raises(Interrupted):
        resolve(Registry(), silent, TAG)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\x00\xff\x1b[2J garbage\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 9999 no\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\nDocker-Content-Digest: sha256:0\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_garbage_is_no_answer(said: bytes) -> None:
    with saying(said) as host:
        repository = f"{host}/rayproject/ray"
        with pytest.raises(MachineError) as caught:
            resolve(registry(), repository, TAG)
        assert caught.value.where == f"{repository}:{TAG}"
        assert caught.value.todo
        assert "\x1b" not in str(caught.value)


@contextmanager
def saying(said: bytes) -> Iterator[str]:
    """``host:port`` of what says the same to everybody and hangs up."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(said)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.mark.parametrize("manifest", [ANSWER, (404, {}, b"")])
@pytest.mark.parametrize("root", [HERE, (401, ASKS, b"")])
def test_a_registry_that_lets_us_look_answers(
    mirror: Mirror, root: Answer, manifest: Answer
) -> None:
    mirror.root, mirror.manifest = root, manifest
    assert answers(registry(), mirror.repository) is None
    assert {one.method for one in mirror.served.asked if one.path != "/v2/"} == {"HEAD"}


@pytest.mark.parametrize(
    ("root", "manifest", "why"),
    [
        ((404, {}, b""), (404, {}, b""), "does not speak as one"),
        (HERE, (401, ASKS, b""), "401"),
        (HERE, (403, {}, b""), "403"),
        (HERE, (429, {"Retry-After": "60"}, b""), "429"),
        (HERE, (503, {}, b""), "503"),
    ],
)
def test_one_that_does_not_says_why(
    mirror: Mirror, root: Answer, manifest: Answer, why: str
) -> None:
    mirror.root, mirror.manifest = root, manifest
    reason = answers(registry(Credentials(username="me", secret=SECRET)), mirror.repository)
    assert reason is not None
    assert why in reason
    assert SECRET not in reason


def test_one_that_is_not_there_says_so() -> None:
    assert "cannot be reached" in (answers(registry(), NOBODY) or "")


def test_broken_credentials_are_a_reason_too(mirror: Mirror) -> None:
    def find(key: str) -> None:
        raise MachineError("the helper is missing")

    mirror.manifest = (401, ASKS, b"")
    assert answers(Registry(find), mirror.repository) == "the helper is missing"


def test_one_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        reason = answers(registry(), f"{host}/rayproject/ray")
    assert reason is not None
    assert reason.startswith(f"{host} does not answer within")


def test_a_mistake_of_ours_is_not_taken_for_no_answer() -> None:
    def find(key: str) -> None:
        raise ZeroDivisionError

    with serving(lambda asked: (401, ASKS, b"")) as served, pytest.raises(ZeroDivisionError):
        answers(Registry(find), served.repository)
