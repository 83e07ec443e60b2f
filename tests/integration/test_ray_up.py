"""A real ``ray up`` by an exported file, on hosts with engines of their own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from factory import process
from tests.integration.conftest import Checkout
from tests.integration.hosts import docker, host_image, hosts, second_door
from tests.integration.one_cell import CELL, one_cell, ref_of, write_image
from tests.integration.registries import free_port
from tests.integration.test_export import EACH_NODE, SAID_BY_EACH

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    with one_cell(tmp_path_factory.mktemp("ray-up")) as made:
        file = made.root / "matrix.yaml"
        matrix = yaml.safe_load(file.read_text())
        matrix["verify"]["suite"] = "contract"
        file.write_text(yaml.safe_dump(matrix))
        write_image(made, "anywhere", "source: app", {"app/main.py": "print('hello')\n"})
        made.invoke("release")
        yield made


@contextmanager
def client(image: str, network: str, files: dict[str, Path]) -> Iterator[str]:
    """A container that has Ray, ssh and rsync: where a user would sit, with these files."""
    name = f"factory-test-{secrets.token_hex(4)}"
    docker("run", "--detach", "--network", network, "--name", name, image, "sleep", "1200")
    try:
        for inside, file in files.items():
            docker("cp", str(file), f"{name}:/home/ray/{inside}")
            docker("exec", name, "sudo", "chown", "ray", inside)
        docker("exec", name, "chmod", "600", "key")
        yield name
    finally:
        docker("rm", "--force", name, check=False)


def status(name: str) -> str:
    ask = ["docker", "exec", name, "ray", "exec", "cluster.yaml", "ray status"]
    return process.run(ask, check=False, timeout=240).stdout


def test_ray_up_brings_up_hosts_runs_a_job_on_all_and_ray_down_ends_it(
    released: Checkout, tmp_path: Path
) -> None:
    base, image = ref_of(released, "anywhere"), f"factory-test/host:{secrets.token_hex(4)}"
    host_image(tmp_path / "host", base, image)
    port, key = free_port(), tmp_path / "host" / "key"
    try:
        with hosts(image, key, port, 3) as there:
            head, *workers = there.addresses
            flags = [flag for one in workers for flag in ("--worker-ip", one)]
            flags += ["--provider", "local", "--head-ip", head, "--ssh-user", "ray"]
            flags += ["--ssh-key", "/home/ray/key", "--registry", f"{there.gateway}:{port}"]
            [file] = released.json("export.ray-up", "--cell", CELL, "--name", "mine", *flags)
            (tmp_path / "job.py").write_text(EACH_NODE)
            files = {"cluster.yaml": Path(file), "key": key, "job.py": tmp_path / "job.py"}
            store = released.settings.data / "registry" / "store"
            with (
                second_door(store, there.gateway, port, tmp_path),
                client(base, there.network, files) as me,
            ):
                docker("exec", me, "ray", "get-auth-token", "--generate")
                docker("exec", me, "ray", "up", "--yes", "cluster.yaml")
                deadline = time.monotonic() + 240
                while "3 local.cluster.node" not in status(me):
                    assert time.monotonic() < deadline, status(me)
                    time.sleep(3)
                said = docker("exec", me, "ray", "submit", "cluster.yaml", "job.py")
                assert all(line in said for line in SAID_BY_EACH), said
                for name in there.names:
                    running = docker("exec", name, "docker", "ps", "--format", "{{.Image}}")
                    assert running.startswith(f"{there.gateway}:{port}/anywhere")
                docker("exec", me, "ray", "down", "--yes", "cluster.yaml")
                left = [docker("exec", name, "docker", "ps", "--quiet") for name in there.names]
                assert left == ["", "", ""]
    finally:
        docker("image", "rm", "--force", image, check=False)
