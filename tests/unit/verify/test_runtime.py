"""What the engine says of NVIDIA, behind a `docker` of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.errors import VerifyError
from factory.verify import nvidia_runtime
from factory.verify.runtime import has_nvidia


@pytest.mark.parametrize(
    ("info", "has"),
    [
        ({}, False),
        ({"Runtimes": {"runc": {}}, "DiscoveredDevices": None}, False),
        ({"Runtimes": {"runc": {}, "nvidia": {"path": "nvidia-container-runtime"}}}, True),
        ({"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]}, True),
        ({"DiscoveredDevices": [{"Source": "cdi", "ID": "amd.com/gpu=0"}]}, False),
    ],
)
def test_a_runtime_or_a_device_of_nvidias_counts(info: dict[str, Any], has: bool) -> None:
    assert has_nvidia(info) is has


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The program `docker`, which a test writes."""
    program = tmp_path / "docker"
    program.write_text(f"#!{sys.executable}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    nvidia_runtime.cache_clear()
    yield program
    nvidia_runtime.cache_clear()


def test_the_engine_is_asked_once(docker: Path) -> None:
    docker.write_text(docker.read_text() + 'print(\'{"Runtimes": {"nvidia": {}}}\')\n')
    assert nvidia_runtime()
    docker.unlink()
    assert nvidia_runtime()


@pytest.mark.parametrize("says", ["raise SystemExit('cannot connect')", "print('no JSON')"])
def test_an_engine_that_does_not_say_is_an_error_and_no_no(docker: Path, says: str) -> None:
    docker.write_text(docker.read_text() + says + "\n")
    with pytest.raises(VerifyError, match="does not say whether"):
        nvidia_runtime()
