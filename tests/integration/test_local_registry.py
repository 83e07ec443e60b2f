"""The embedded registry: started once, left alone where it is not ours, kept over a restart."""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from factory import process
from factory.engine import Engine
from factory.errors import MachineError, PublishError
from factory.publish import local
from factory.publish.owned import is_alive
from factory.settings import Settings
from tests.integration.registries import free_port, registry_folder, settings_at

pytestmark = pytest.mark.engine


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    found = settings_at(tmp_path)
    yield found
    local.stop(found)


def pid_of(settings: Settings) -> int:
    record = registry_folder(settings) / "process.json"
    return int(json.loads(record.read_text())["pid"])


def no_engine() -> Engine:
    raise AssertionError("an engine was asked for, and a program is here")


def test_it_is_started_once_and_used_again(settings: Settings) -> None:
    assert local.ensure(settings, no_engine) == settings.registry
    pid = pid_of(settings)
    assert local.ensure(settings, no_engine) == settings.registry
    assert pid_of(settings) == pid


def test_it_stops_and_the_port_is_free_again(settings: Settings) -> None:
    local.ensure(settings)
    pid = pid_of(settings)
    assert local.stop(settings)
    assert not is_alive(pid)
    assert not local.stop(settings)
    local.ensure(settings)
    assert pid_of(settings) != pid


def test_its_store_is_kept_over_a_restart(settings: Settings) -> None:
    local.ensure(settings)
    mark = settings.data / "registry" / "store" / "mark"
    mark.parent.mkdir(exist_ok=True)
    mark.touch()
    local.stop(settings)
    local.ensure(settings)
    assert mark.exists()


def test_one_at_another_port_leaves_the_first_known(settings: Settings) -> None:
    second = replace(settings, registry=f"127.0.0.1:{free_port()}")
    local.ensure(settings)
    first = pid_of(settings)
    local.ensure(second)
    try:
        assert pid_of(settings) == first != pid_of(second)
    finally:
        assert local.stop(second)
    assert is_alive(first)
    assert local.stop(settings)
    assert not is_alive(first)


def test_it_has_nothing_of_the_users_environment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_MAXTHREADS", "not a number")
    monkeypatch.setenv("A_TOKEN", "secret")
    local.ensure(settings)
    given = Path(f"/proc/{pid_of(settings)}/environ").read_text().split("\0")
    assert {line.partition("=")[0] for line in given if line} <= {"PATH", "HOME"}


def test_several_factories_at_once_start_one(settings: Settings, tmp_path: Path) -> None:
    port = settings.registry.rpartition(":")[2]
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from tests.integration.registries import settings_at; from factory.publish import local\n"
        "local.ensure(settings_at(Path(sys.argv[2]), int(sys.argv[3])))"
    )
    argv = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path), port]
    factories = [subprocess.Popen(argv) for _ in range(4)]
    assert [factory.wait(180) for factory in factories] == [0] * 4
    config = registry_folder(settings) / "config.json"
    running = [
        path
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(config).encode() in _read(path) and _read(path).split(b"\0")[1] == b"serve"
    ]
    assert [path.parent.name for path in running] == [str(pid_of(settings))]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_registry_of_somebody_else_is_used_and_never_stopped(
    settings: Settings, tmp_path: Path
) -> None:
    local.ensure(settings)
    port = int(settings.registry.rpartition(":")[2])
    guest = settings_at(tmp_path / "guest", port)
    local.ensure(guest, no_engine)
    assert not local.stop(guest)
    assert is_alive(pid_of(settings))


def test_a_process_that_took_over_a_recorded_number_is_not_ended(settings: Settings) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    record = registry_folder(settings) / "process.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"pid": bystander.pid, "began": "another boot/1"}))
    assert not local.stop(settings)
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', "[]"])
def test_a_record_cut_short_ends_nothing(settings: Settings, content: str) -> None:
    record = registry_folder(settings) / "process.json"
    record.parent.mkdir(parents=True)
    record.write_text(content)
    assert not local.stop(settings)
    assert not record.exists()


@contextmanager
def listening(port: int, answers: bool) -> Iterator[None]:
    if not answers:
        with socket.create_server(("127.0.0.1", port)):
            yield
        return
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", port), http.server.BaseHTTPRequestHandler
    )
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("answers", [True, False], ids=["another server", "a silent one"])
def test_a_port_that_something_else_holds_is_an_error(settings: Settings, answers: bool) -> None:
    port = int(settings.registry.rpartition(":")[2])
    with listening(port, answers), pytest.raises(PublishError, match="holds") as caught:
        local.ensure(settings, no_engine)
    assert caught.value.where == settings.registry
    assert "FACTORY_REGISTRY" in caught.value.todo


def test_a_registry_elsewhere_that_does_not_answer_is_not_started_here(tmp_path: Path) -> None:
    away = Settings(
        root=tmp_path, cache=tmp_path, data=tmp_path, jobs=1, registry="registry.invalid:5000"
    )
    with pytest.raises(PublishError, match="this machine only"):
        local.ensure(away, no_engine)


def test_a_registry_that_cannot_start_says_why(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(local.LOG, "level", "no such level")
    with pytest.raises(MachineError, match="does not answer") as caught:
        local.ensure(settings)
    assert caught.value.detail


def test_without_a_program_or_an_image_there_is_a_remedy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "PROGRAMS", ())
    monkeypatch.setattr(local, "IMAGE", "factory.invalid/registry:none")
    with pytest.raises(MachineError) as caught:
        local.ensure(settings)
    assert "docker-registry" in caught.value.todo


def test_without_a_program_it_runs_as_a_container(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image is made of this machine's own program, as the public one cannot be had."""
    program = process.find_tool("docker-registry")
    assert program
    image = f"factory.invalid/registry:{free_port()}"
    _registry_image(Path(program), tmp_path / "image", image)
    monkeypatch.setattr(local, "PROGRAMS", ())
    monkeypatch.setattr(local, "IMAGE", image)
    engine = Engine.connect()
    try:
        local.ensure(settings)
        local.ensure(settings, no_engine)
        assert local.stop(settings)
        assert not local.stop(settings)
    finally:
        for left in engine.resources(f"{local.LABEL}={registry_folder(settings)}"):
            engine.remove(left)
        engine.remove_image(image)


def _registry_image(program: Path, context: Path, ref: str) -> None:
    needed = process.run(["ldd", str(program)]).stdout.split()
    for path in (program, *(Path(word) for word in needed if word.startswith("/"))):
        goal = context / str(path).lstrip("/")
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, goal)
    (context / "config.yml").write_text(
        "version: 0.1\nstorage: {filesystem: {rootdirectory: /var/lib/registry}}\n"
        "http: {addr: ':5000'}\n"
    )
    dockerfile = f'FROM scratch\nCOPY . /\nCMD ["{program}", "serve", "/config.yml"]\n'
    argv = ["docker", "buildx", "build", "--quiet", "--file=-", f"--tag={ref}", str(context)]
    process.run(argv, stdin=dockerfile.encode())
