"""The published cluster definition keeps its promises: fenced in, bounded, apart from the host."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.verify.cold import SCALES
from factory.verify.compose import BOOT_SECONDS

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


class _Node(BaseHTTPRequestHandler):
    """A node that is well at one place only."""

    def do_GET(self) -> None:  # the name is that of the library's
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _listening(port: int = 0, after: float = 0.0) -> Iterator[int]:
    """A node's port, on which it answers after a while."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Node, bind_and_activate=False)
    server.server_bind()

    def serve() -> None:
        time.sleep(after)
        server.server_activate()
        server.serve_forever(poll_interval=0.05)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _probe(*endpoints: str) -> subprocess.CompletedProcess[str]:
    argv = ["bash", "-c", CLUSTER["x-probe"].replace("$$", "$"), "probe", *endpoints]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


def test_a_probe_is_content_with_a_node_that_is_well() -> None:
    with _listening() as port:
        assert _probe(f"{port}/well", f"{port}/well").returncode == 0


def test_a_probe_waits_a_little_for_a_node_that_begins() -> None:
    with _listening(after=1.0) as port:
        assert _probe(f"{port}/well").returncode == 0


def test_a_probe_says_what_is_wrong_with_a_node() -> None:
    with _listening() as port:
        found = _probe(f"{port}/well", f"{port}/ill")
        assert (found.returncode, found.stdout) == (1, f"{port}/ill answers 503\n")


def test_a_probe_of_a_node_that_is_not_there_ends_before_the_engine_ends_it() -> None:
    with _closed() as port:
        started = time.monotonic()
        found = _probe(f"{port}/well")
        assert found.returncode == 1
        assert "Connection refused" in found.stderr.splitlines()[-1]
    limit = float(SERVICES["head"]["healthcheck"]["timeout"].removesuffix("s"))
    assert time.monotonic() - started < limit / 2


@contextmanager
def _closed() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


def test_a_node_that_stays_ill_is_given_up_before_the_boot_runs_out_of_time() -> None:
    seconds = {
        name: float(value.removesuffix("s"))
        for name, value in SERVICES["head"]["healthcheck"].items()
        if name in ("start_period", "interval", "timeout")
    }
    tries = SERVICES["head"]["healthcheck"]["retries"]
    most = seconds["start_period"] + tries * (seconds["interval"] + seconds["timeout"])
    assert most < BOOT_SECONDS
