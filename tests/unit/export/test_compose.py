"""A Compose file names images by digest, and is one that Compose takes."""

from __future__ import annotations

from typing import Any

import yaml

from factory import process
from factory.export import compose_file
from tests.unit.export.launches import launch


def services(head: str = "cpu") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(compose_file(launch(head)))["services"]
    return found


def test_every_node_has_an_image_by_digest_a_token_and_shared_memory() -> None:
    for one in services("gpu").values():
        assert "@sha256:" in one["image"]
        assert one["environment"]["RAY_AUTH_TOKEN"].startswith("${RAY_AUTH_TOKEN:?")
        assert one["shm_size"] == f"{int(8 * 1024 * 0.3)}m"


def test_the_dashboard_is_for_this_machine_alone_and_nothing_else_is_reachable() -> None:
    ports = [port for one in services().values() for port in one.get("ports", [])]
    assert ports == ["127.0.0.1:${RAY_DASHBOARD_PORT:-8265}:8265"]


def test_only_a_node_for_gpus_reserves_one() -> None:
    found = services("gpu")
    assert "deploy" in found["head"]
    assert "deploy" not in found["worker"]
    assert "--num-gpus=1" in found["head"]["command"][2]


def test_compose_takes_the_file() -> None:
    env = {"RAY_AUTH_TOKEN": "x"}
    argv = ["docker", "compose", "--file=-", "config", "--format=json"]
    text = process.run(argv, stdin=compose_file(launch("gpu")).encode(), env=env).stdout
    found = yaml.safe_load(text)
    assert set(found["services"]) == {"head", "worker"}
    assert found["services"]["worker"]["scale"] == 2
