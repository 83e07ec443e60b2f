"""A root file system is made once, whole or not at all; a stand-in plays mmdebstrap."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from factory import process
from factory.base import ensure_rootfs
from factory.errors import BuildError, MachineError
from factory.model import Rootfs

ROOTFS = Rootfs(suite="bookworm", epoch="2026-11", recipe="r")


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What runs as mmdebstrap; its calls are in ``calls`` beside it."""
    path = tmp_path / "bin" / "mmdebstrap"
    path.parent.mkdir()
    monkeypatch.setattr(process, "find_tool", lambda _name: str(path))
    return path


def play(tool: Path, script: str) -> None:
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tool.parent}/calls\n{script}\n')
    tool.chmod(0o755)


def make(cache: Path, sources: str | None = None) -> Path:
    return ensure_rootfs(ROOTFS, cache=cache, sources=sources, log=lambda _line: None)


def test_it_is_made_once_even_by_several_at_the_same_time(tool: Path, tmp_path: Path) -> None:
    play(tool, 'for tar; do :; done; sleep 0.5; echo tar > "$tar"')
    threads = [threading.Thread(target=make, args=(tmp_path / "cache",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = make(tmp_path / "cache")
    assert (folder / "rootfs.tar").read_text() == "tar\n"
    assert (folder / "rootfs.tar").stat().st_mode & 0o777 == 0o644
    (call,) = (tool.parent / "calls").read_text().splitlines()
    assert " bookworm " in call


def test_the_hosts_mirrors_are_passed_by_stdin_and_never_as_an_argument(
    tool: Path, tmp_path: Path
) -> None:
    play(
        tool,
        'for last; do [ "$last" = - ] || tar=$last; done; [ "$last" = - ] && cat > "$tar"',
    )
    folder = make(tmp_path / "cache", "deb https://user:secret@mirror/debian bookworm main\n")
    assert "user:secret" in (folder / "rootfs.tar").read_text()
    assert "secret" not in (tool.parent / "calls").read_text()


def test_a_failure_leaves_nothing_and_tells_the_last_lines(tool: Path, tmp_path: Path) -> None:
    play(tool, 'for tar; do :; done; echo half > "$tar"; echo "E: no mirror" >&2; exit 1')
    with pytest.raises(BuildError, match="could not make a bookworm system") as raised:
        make(tmp_path / "cache")
    assert "E: no mirror" in raised.value.detail
    assert not list((tmp_path / "cache").rglob("*.tar"))


def test_a_mirrors_password_is_neither_logged_nor_shown(tool: Path, tmp_path: Path) -> None:
    play(
        tool, 'echo "Err: https://user:hush-hush@mirror/debian bookworm" | tee /dev/stderr; exit 1'
    )
    lines: list[str] = []
    with pytest.raises(BuildError) as raised:
        ensure_rootfs(ROOTFS, cache=tmp_path / "cache", sources=None, log=lines.append)
    assert lines == ["Err: https://***@mirror/debian bookworm"] * 2
    assert "https://***@mirror/debian" in str(raised.value)
    assert "hush-hush" not in str(raised.value)


def test_without_root_and_uidmap_it_says_what_to_install(tool: Path, tmp_path: Path) -> None:
    play(tool, 'echo "E: unable to pick chroot mode automatically" >&2; exit 1')
    with pytest.raises(MachineError) as raised:
        make(tmp_path / "cache")
    assert "apt-get install uidmap" in raised.value.todo


def test_without_mmdebstrap_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "find_tool", lambda _name: None)
    with pytest.raises(MachineError, match="mmdebstrap is missing"):
        make(tmp_path)
