"""Trojaned releases are refused by name, and without being started."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory import trivy
from factory.errors import MachineError


def install(folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = folder / "trivy"
    program.write_bytes(content)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return program


@pytest.mark.parametrize("version", sorted(trivy.TROJANED))
def test_a_trojaned_release_is_refused_with_the_remedy(version: str) -> None:
    with pytest.raises(MachineError, match="trojaned") as refusal:
        trivy.admit("/usr/bin/trivy", version)
    assert version in refusal.value.what
    assert "credential" in refusal.value.todo


def test_a_trojaned_binary_is_recognised_without_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    body = f"#!/bin/sh\ntouch {ran}\nexit 0\n# pkg/version/app.ver=0.69.5\n"
    install(tmp_path, body.encode(), monkeypatch)
    with pytest.raises(MachineError, match=r"0\.69\.5"):
        trivy.locate()
    assert not ran.exists()


def test_a_wrapper_without_the_mark_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = install(tmp_path, b'#!/bin/sh\necho \'{"Version": "0.71.2"}\'\n', monkeypatch)
    assert trivy.locate() == trivy.Trivy(path=str(program), version="0.71.2")


@pytest.mark.parametrize("version", ["0.59.1", "unknown", "dev", ""])
def test_a_release_that_is_too_old_or_unknown_is_refused(version: str) -> None:
    with pytest.raises(MachineError, match=r"0\.60 or later"):
        trivy.admit("/usr/bin/trivy", version)


@pytest.mark.parametrize("version", ["0.60.0", "0.69.3", "0.70.0", "0.76.0", "1.0.0"])
def test_sound_releases_are_admitted(version: str) -> None:
    assert trivy.admit("/usr/bin/trivy", version).version == version
