"""What was looked up is kept whole, and nothing else is believed."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from factory import pins
from factory.settings import Settings

DIGEST = "sha256:" + "a" * 64
COMMIT = "b" * 40
BASE = "docker.io/rayproject/ray:2.60.0-py311-cpu"
CODE = "https://code.example/app.git#main"
CHOICE = pins.choice("docker.io/rayproject/ray")
GOOD = {BASE: DIGEST, CODE: COMMIT, CHOICE: "packages"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"FACTORY_ROOT": str(tmp_path), "HOME": str(tmp_path)})


def write(settings: Settings, content: bytes) -> None:
    settings.state.mkdir(exist_ok=True)
    (settings.state / "pins.json").write_bytes(content)


def test_nothing_was_looked_up_at_first(settings: Settings) -> None:
    assert pins.load(settings) == {}
    assert not settings.state.exists()


def test_what_is_saved_is_added_to_what_is_known(settings: Settings) -> None:
    pins.save(settings, {BASE: DIGEST, CHOICE: "registry"})
    pins.save(settings, {CODE: COMMIT, CHOICE: "packages"})
    assert pins.load(settings) == GOOD
    assert pins.load(settings)[BASE] == DIGEST
    written = [file for file in settings.state.iterdir() if file.suffix != ".lock"]
    assert written == [settings.state / "pins.json"]


def test_what_is_known_already_is_not_written_again(settings: Settings) -> None:
    pins.save(settings, GOOD)
    before = (settings.state / "pins.json").stat()
    pins.save(settings, {BASE: DIGEST})
    after = (settings.state / "pins.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_choices_are_of_one_repository(settings: Settings) -> None:
    pins.save(settings, {CHOICE: "packages"})
    assert pins.choice("mirror.example/rayproject/ray") not in pins.load(settings)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not JSON",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"half": ',
    ],
)
def test_a_damaged_file_is_as_none_and_is_replaced(settings: Settings, content: bytes) -> None:
    write(settings, content)
    assert pins.load(settings) == {}
    pins.save(settings, GOOD)
    assert pins.load(settings) == GOOD


@pytest.mark.parametrize(
    ("name", "pin"),
    [
        (BASE, f"{DIGEST}\nRUN touch /owned"),
        (BASE, DIGEST + "\n"),
        (BASE, DIGEST[:-1]),
        (BASE, DIGEST.upper()),
        (BASE, COMMIT),
        (BASE, None),
        (BASE, 1),
        (BASE, [DIGEST]),
        (CODE, DIGEST),
        (CODE, "main"),
        (CODE, f"{COMMIT}\nRUN touch /owned"),
        (CHOICE, "auto"),
        (CHOICE, DIGEST),
    ],
)
def test_what_is_no_pin_is_left_out(settings: Settings, name: str, pin: object) -> None:
    write(settings, json.dumps({**GOOD, name: pin}).encode())
    assert pins.load(settings) == {key: value for key, value in GOOD.items() if key != name}


def test_a_commit_may_be_of_either_length(settings: Settings) -> None:
    pins.save(settings, {CODE: "c" * 64})
    assert pins.load(settings) == {CODE: "c" * 64}


def test_a_folder_in_its_place_is_refused_and_left_alone(settings: Settings) -> None:
    (settings.state / "pins.json").mkdir(parents=True)
    assert pins.load(settings) == {}
    with pytest.raises(OSError, match="directory"):
        pins.save(settings, GOOD)
    assert [file.name for file in sorted(settings.state.iterdir())] == ["pins.json", "pins.lock"]


def test_runs_at_the_same_time_lose_nothing(settings: Settings) -> None:
    names = [f"docker.io/rayproject/ray:{number}" for number in range(20)]
    savers = [threading.Thread(target=pins.save, args=(settings, {name: DIGEST})) for name in names]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()
    assert pins.load(settings) == dict.fromkeys(names, DIGEST)
