"""The published cluster definition keeps its promises: fenced in, bounded, apart from the host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.verify.cold import SCALES

FILE = Path(__file__).parents[3] / "compose" / "cluster.yaml"
CLUSTER: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = CLUSTER["services"]


def test_the_network_leads_nowhere() -> None:
    assert CLUSTER["networks"]["cluster"]["internal"] is True


@pytest.mark.parametrize("name", ["head", "worker"])
def test_a_service_touches_nothing_of_the_host(name: str) -> None:
    service = SERVICES[name]
    forbidden = {"ports", "volumes", "privileged", "network_mode", "pid", "devices", "cap_add"}
    assert not forbidden & set(service)
    assert service["networks"] == ["cluster"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", ["head", "worker"])
def test_a_proxy_of_the_users_does_not_get_in(name: str) -> None:
    environment = SERVICES[name]["environment"]
    for proxy in ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy"):
        assert environment[proxy] == environment[proxy.upper()] == ""


@pytest.mark.parametrize("name", ["head", "worker"])
def test_a_service_is_bounded_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert {"mem_limit", "pids_limit", "shm_size", "healthcheck"} <= set(service)
    assert int(service["stop_grace_period"].removesuffix("s")) > 10


@pytest.mark.parametrize("name", ["head", "worker"])
def test_ray_is_told_of_gpus_and_guesses_none(name: str) -> None:
    assert "--num-gpus=" in SERVICES[name]["command"][-1]


def test_only_workers_have_what_keeps_work_off_the_head() -> None:
    assert '\'{"each": 1, "worker": 1}\'' in SERVICES["worker"]["command"][-1]
    assert "'{\"each\": 1}'" in SERVICES["head"]["command"][-1]


@pytest.mark.parametrize("name", ["head", "worker"])
def test_a_nodes_agents_need_not_look_for_ports(name: str) -> None:
    command = SERVICES[name]["command"][-1]
    flags = ("dashboard-agent-grpc-port", "runtime-env-agent-port", "metrics-export-port")
    ports = [re.findall(rf"--{flag}=(\d+)", command) for flag in flags]
    assert all(len(found) == 1 for found in ports)
    assert len({found[0] for found in ports}) == len(flags)


def test_the_head_has_no_cpus_for_work() -> None:
    assert "--num-cpus=${HEAD_CPUS:-0}" in SERVICES["head"]["command"][-1]


@pytest.mark.parametrize(("name", "service"), [("gpu.yaml", "worker"), ("gpu-head.yaml", "head")])
def test_a_file_that_gives_gpus_gives_one_to_each_of_its_nodes_and_no_more(
    name: str, service: str
) -> None:
    more = yaml.safe_load(FILE.with_name(name).read_text(encoding="utf-8"))
    (device,) = more["services"][service]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert set(more) == {"services"}
    assert set(more["services"]) == {service}
    assert set(more["services"][service]) == {"deploy"}


def test_timed_workers_are_workers_that_nothing_probes() -> None:
    """A probe is a shell: at a fifth of a core, two a second are a part of what is measured."""
    more = yaml.safe_load(FILE.with_name("cold-start.yaml").read_text(encoding="utf-8"))
    assert set(more) == {"services"}
    assert set(more["services"]) == {"worker", "throttled"} == set(SCALES)
    assert more["services"]["worker"] == {"healthcheck": {"disable": True}}
    assert more["services"]["throttled"] == {
        "extends": {"file": "cluster.yaml", "service": "worker"},
        "cpus": 0.2,
        "healthcheck": {"disable": True},
    }


@pytest.mark.parametrize("labels", [s["labels"] for s in SERVICES.values()] + [
    CLUSTER["networks"]["cluster"]["labels"]
])  # fmt: skip
def test_everything_names_its_run(labels: dict[str, str]) -> None:
    assert labels["io.ray-image-factory.run"].startswith("${RUN_ID:?")
    assert labels["io.ray-image-factory.kind"] == "cluster"


@pytest.mark.parametrize("name", ["HEAD_IMAGE", "WORKER_IMAGE", "RUN_ID", "RAY_AUTH_TOKEN"])
def test_what_must_be_given_has_no_default(name: str) -> None:
    assert "${" + name + ":?" in FILE.read_text(encoding="utf-8")
