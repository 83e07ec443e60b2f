"""Reaching an engine, or saying why not: against sockets that behave as engines do."""

from __future__ import annotations

import hashlib
import http.server
import json
import socketserver
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from factory import process
from factory.connection import FLOOR, unreachable
from factory.daemon import local_address
from factory.engine import Engine, Store
from factory.errors import MachineError
from tests.conftest import ROOT

Answer = Callable[[dict[str, list[str]]], tuple[int, Any]]

VERSION = {"Version": "26.1.5+dfsg1", "ApiVersion": "1.45", "MinAPIVersion": "1.24"}
CONTAINERD = {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
OVERLAY2 = {"DriverStatus": [["Backing Filesystem", "extfs"]]}


class FakeEngine(socketserver.ThreadingUnixStreamServer):
    """Answers each path's end with the document set for it, or what a function makes of the query,
    and 404 to all else."""

    answers: dict[str, Any]
    asked: list[str]


class Handler(http.server.BaseHTTPRequestHandler):
    server: FakeEngine

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        path = self.path.partition("?")[0]
        found = (body for end, body in self.server.answers.items() if path.endswith(end))
        body = next(found, None)
        status = 404 if body is None else 200
        if callable(body):
            status, body = body(parse_qs(self.path.partition("?")[2]))
        content = json.dumps(body if body is not None else {"message": "no such thing"}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def socket_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        path = Path(folder, "docker.sock")
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        yield path


@contextmanager
def serving(path: Path) -> Iterator[FakeEngine]:
    server = FakeEngine(str(path), Handler)
    server.answers, server.asked = {"/version": VERSION}, []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fake(socket_path: Path) -> Iterator[FakeEngine]:
    with serving(socket_path) as server:
        yield server


def refusal(path: Path) -> MachineError:
    with pytest.raises(MachineError) as caught:
        Engine.connect()
    assert str(path) in caught.value.where
    assert caught.value.todo
    return caught.value


def test_no_socket(socket_path: Path) -> None:
    assert "no Docker engine answers" in refusal(socket_path).what


def test_a_socket_that_nobody_listens_at(socket_path: Path) -> None:
    FakeEngine(str(socket_path), Handler).server_close()
    assert "no Docker engine answers" in refusal(socket_path).what


def test_a_socket_that_this_user_may_not_use() -> None:
    """From the chain of errors, since tests that run as root are refused nothing."""
    try:
        try:
            raise PermissionError(13, "Permission denied")
        except PermissionError as error:
            raise RuntimeError("Connection aborted") from error
    except RuntimeError as error:
        said = unreachable(error, "unix:///run/docker.sock")
    assert "this user may not" in said.what
    assert "usermod" in said.todo


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "24.0.9", "4.3.1", "unknown"])
def test_an_engine_that_is_too_old(fake: FakeEngine, socket_path: Path, version: str) -> None:
    fake.answers["/version"] = VERSION | {"Version": version}
    said = refusal(socket_path)
    assert version in said.what
    assert f"{FLOOR[0]}.{FLOOR[1]} or newer" in said.what


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOCKER_HOST", "nonsense://x"),
        ("DOCKER_HOST", "tcp://127.0.0.1:1"),
        ("DOCKER_CONTEXT", "there-is-none"),
    ],
)
def test_an_address_that_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(MachineError) as caught:
        Engine.connect()
    assert caught.value.todo


def test_the_floor_itself_will_do(fake: FakeEngine) -> None:
    fake.answers["/version"] = VERSION | {"Version": f"{FLOOR[0]}.{FLOOR[1]}.0"}
    assert Engine.connect().version == f"{FLOOR[0]}.{FLOOR[1]}.0"


def test_something_else_than_an_engine(fake: FakeEngine, socket_path: Path) -> None:
    fake.answers.clear()
    assert "cannot be used" in refusal(socket_path).what


@pytest.mark.parametrize(("info", "store"), [(OVERLAY2, "overlay2"), (CONTAINERD, "containerd")])
def test_the_store_is_told_from_what_the_engine_says(
    fake: FakeEngine, info: dict[str, Any], store: str
) -> None:
    fake.answers["/info"] = info
    assert Engine.connect().store == Store(store)


def test_under_overlay2_the_id_is_the_config_digest(fake: FakeEngine) -> None:
    fake.answers |= {"/info": OVERLAY2, "/images/a:b/json": {"Id": "sha256:config"}}
    assert Engine.connect().config_digest("a:b") == "sha256:config"


MANIFEST = {"config": {"digest": "sha256:config"}}
ATTESTATION = {"digest": "sha256:a", "platform": {"os": "unknown", "architecture": "unknown"}}
OURS = {"digest": "sha256:m", "platform": {"os": "linux", "architecture": "amd64"}}
OTHERS = {"digest": "sha256:o", "platform": {"os": "linux", "architecture": "arm64"}}


def config_digest(
    fake: FakeEngine, monkeypatch: pytest.MonkeyPatch, index: list[dict[str, Any]]
) -> str:
    """Of an image whose id is that of an index with these manifests."""
    fake.answers |= {
        "/info": CONTAINERD,
        "/version": VERSION | {"Os": "linux", "Arch": "amd64"},
        "/images/a:b/json": {"Id": "sha256:index"},
    }
    documents = {"sha256:index": {"manifests": index}, "sha256:m": MANIFEST}
    monkeypatch.setattr(Engine, "_document", lambda _, __, digest: documents[digest])
    return Engine.connect().config_digest("a:b")


@pytest.mark.parametrize("index", [[OURS, ATTESTATION], [OTHERS, OURS]])
def test_of_an_index_the_image_for_this_platform_counts(
    fake: FakeEngine, monkeypatch: pytest.MonkeyPatch, index: list[dict[str, Any]]
) -> None:
    assert config_digest(fake, monkeypatch, index) == "sha256:config"


@pytest.mark.parametrize("index", [[], [OTHERS, ATTESTATION], [OURS, OURS | {"digest": "x"}]])
def test_an_index_without_one_image_for_this_platform_is_refused(
    fake: FakeEngine, monkeypatch: pytest.MonkeyPatch, index: list[dict[str, Any]]
) -> None:
    with pytest.raises(MachineError, match="for linux/amd64, not one"):
        config_digest(fake, monkeypatch, index)


def test_an_image_that_is_not_there(fake: FakeEngine) -> None:
    engine = Engine.connect()
    assert engine.image("a:b") is None
    with pytest.raises(MachineError, match="no image a:b"):
        engine.config_digest("a:b")


def test_many_references_are_looked_up_in_one_call(fake: FakeEngine) -> None:
    fake.answers["/images/json"] = [
        {"Id": "1", "RepoTags": ["a:1", "b:1"]},
        {"Id": "2", "RepoTags": None},
    ]
    engine = Engine.connect()
    fake.asked.clear()
    assert engine.present([f"a:{number}" for number in range(96)]) == {"a:1"}
    assert engine.present([]) == set()
    assert len(fake.asked) == 1


def images(*there: str, after: str = "until") -> Answer:
    """Lists of an engine that has some images, and reads its filters in the order of real ones; or,
    by another name in ``after``, does not mind what it cannot read."""

    def answer(query: dict[str, list[str]]) -> tuple[int, Any]:
        filters = json.loads(query["filters"][0])
        missing = [one for one in filters.get("before", ()) if one not in there]
        if missing:
            return 404, {"message": f"No such image: {missing[0]}"}
        if after in filters:
            return 500, {"message": f"failed to parse value as time: {filters[after][0]!r}"}
        return 200, []

    return answer


def test_that_all_images_are_there_is_asked_in_one_call(fake: FakeEngine) -> None:
    wanted = {f"a:{number}": f"sha256:{number}" for number in range(96)}
    fake.answers["/images/json"] = images(*(f"{ref}@{digest}" for ref, digest in wanted.items()))
    engine = Engine.connect()
    fake.asked.clear()
    assert engine.holds(wanted)
    assert len(fake.asked) == 2  # and one to see that it would have said so


def test_one_image_that_is_gone_or_another_by_now_is_noticed(fake: FakeEngine) -> None:
    fake.answers["/images/json"] = images("a:1@sha256:1", "a:2@sha256:2")
    engine = Engine.connect()
    assert engine.holds({"a:1": "sha256:1", "a:2": "sha256:2"})
    assert not engine.holds({"a:1": "sha256:1", "a:3": "sha256:3"})
    assert not engine.holds({"a:1": "sha256:1", "a:2": "sha256:9"})


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: (200, []),
        lambda _: (500, {"message": "something else"}),
        lambda _: (500, {"message": "cannot parse 'now or never'"}),
        images("a:1@sha256:1", after="nothing"),
    ],
    ids=["ignores filters", "is ill", "reads the other filter first", "lists in spite of it"],
)
def test_an_engine_that_looks_up_otherwise_is_not_believed(
    fake: FakeEngine, answer: Answer
) -> None:
    fake.answers["/images/json"] = answer
    assert not Engine.connect().holds({"a:1": "sha256:1"})


def test_what_a_run_without_work_asks_needs_no_client_library(socket_path: Path) -> None:
    script = (
        "import sys; from factory.engine import Engine\n"
        "engine = Engine.connect(); engine.store; engine.holds({'a:1': 'sha256:1'})\n"
        "assert not {'docker', 'requests', 'urllib3'} & set(sys.modules)"
    )
    with serving(socket_path) as server:
        server.answers |= {"/info": CONTAINERD, "/images/json": images()}
        process.run([sys.executable, "-c", script], cwd=ROOT)


@pytest.mark.parametrize(
    ("env", "address"),
    [
        ({}, "unix:///var/run/docker.sock"),
        ({"DOCKER_CONTEXT": "default"}, "unix:///var/run/docker.sock"),
        ({"DOCKER_CONTEXT": "mine"}, "unix:///mine.sock"),
        ({"DOCKER_CONTEXT": "far"}, None),
        ({"DOCKER_CONTEXT": "unknown"}, None),
        ({"DOCKER_HOST": "unix:///x.sock", "DOCKER_CONTEXT": "far"}, "unix:///x.sock"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:2375"}, None),
        ({"DOCKER_HOST": "ssh://host"}, None),
    ],
)
def test_an_engine_of_this_machine_is_told_by_its_address(
    tmp_path: Path, env: dict[str, str], address: str | None
) -> None:
    for name, host in {"mine": "unix:///mine.sock", "far": "ssh://host"}.items():
        folder = tmp_path / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        folder.mkdir(parents=True)
        document = {"Name": name, "Endpoints": {"docker": {"Host": host}}}
        (folder / "meta.json").write_text(json.dumps(document), "utf-8")
    assert local_address({"DOCKER_CONFIG": str(tmp_path), **env}) == address


def test_the_current_context_is_the_one_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "far"}', "utf-8")
    assert local_address({"DOCKER_CONFIG": str(tmp_path)}) is None


def test_an_engine_that_goes_away_is_told(fake: FakeEngine) -> None:
    engine = Engine.connect()
    fake.shutdown()
    fake.server_close()
    Path(str(fake.server_address)).unlink()
    with pytest.raises(MachineError):
        engine.resources("label")
