"""`docker info`, judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.doctor import engine
from factory.model import Finding, Health

GIB = 2**30
INFO: dict[str, Any] = {
    "ServerVersion": "26.1.5+dfsg1",
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "Driver": "overlayfs",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
    "MemTotal": 24 * GIB,
    "NCPU": 2,
    "Runtimes": {"runc": {}, "nvidia": {}},
    "ClientInfo": {
        "Plugins": [
            {"Name": "buildx", "Version": "0.13.1+ds1"},
            {"Name": "compose", "Version": "2.26.1-4"},
        ]
    },
}


def by_name(**changes: Any) -> dict[str, Finding]:
    return {finding.name: finding for finding in engine.examine(INFO | changes)}


def plugins(**versions: str) -> dict[str, Any]:
    return {"Plugins": [{"Name": name, "Version": one} for name, one in versions.items()]}


def test_a_machine_that_has_all_is_well() -> None:
    found = engine.examine(INFO)
    assert {finding.state for finding in found} == {Health.OK}
    assert [finding.name for finding in found] == [
        "Docker engine",
        "image store",
        "buildx",
        "Compose",
        "memory",
        "NVIDIA runtime",
    ]
    assert not any(finding.remedy for finding in found)


@pytest.mark.parametrize(
    ("name", "changes", "state", "what"),
    [
        ("Docker engine", {"ServerVersion": "20.10.24"}, Health.MISSING, "20.10.24"),
        ("image store", {"Driver": "vfs", "DriverStatus": None}, Health.WARN, "vfs"),
        ("buildx", {"ClientInfo": plugins(compose="2.26.1")}, Health.MISSING, "not installed"),
        ("buildx", {"ClientInfo": plugins(buildx="v0.12.1")}, Health.MISSING, "v0.12.1"),
        ("Compose", {"ClientInfo": {"Plugins": None}}, Health.MISSING, "not installed"),
        ("Compose", {"ClientInfo": plugins(compose="1.29.2")}, Health.MISSING, "1.29.2"),
        ("memory", {"MemTotal": 2 * GIB}, Health.WARN, "2 GiB"),
        ("NVIDIA runtime", {"Runtimes": {"runc": {}}}, Health.WARN, "none"),
    ],
)
def test_what_is_lacking_is_named_with_its_remedy(
    name: str, changes: dict[str, Any], state: Health, what: str
) -> None:
    finding = by_name(**changes)[name]
    assert finding.state is state
    assert what in finding.what
    assert finding.remedy


def test_overlay2_is_well_too() -> None:
    assert by_name(Driver="overlay2", DriverStatus=[])["image store"].state is Health.OK


def test_a_gpu_known_by_its_device_interface_is_well() -> None:
    devices = [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]
    found = by_name(Runtimes={}, DiscoveredDevices=devices)["NVIDIA runtime"]
    assert found.state is Health.OK


def test_an_engine_that_is_down_still_tells_of_the_plugins() -> None:
    down = by_name(ServerVersion="", ServerErrors=["Cannot connect to the Docker daemon"])
    assert list(down) == ["Docker engine", "buildx", "Compose"]
    assert down["Docker engine"].state is Health.MISSING
    assert "start it" in down["Docker engine"].remedy


def test_missing_rights_are_told_apart_from_a_missing_engine() -> None:
    finding = engine.silent("permission denied while trying to connect to the daemon socket")
    assert "usermod" in finding.remedy


@pytest.mark.parametrize(
    ("gib", "state"), [(200, Health.OK), (20, Health.OK), (10, Health.WARN), (5, Health.MISSING)]
)
def test_a_disk_is_judged_by_its_room(gib: int, state: Health) -> None:
    assert engine.disk("disk", gib * GIB, Path("/")).state is state
