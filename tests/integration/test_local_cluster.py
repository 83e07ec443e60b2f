"""A cluster on this machine, for real: nodes, work, metrics, growth, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from factory import process
from factory.cluster.plan import CLUSTER
from factory.engine import Engine
from factory.launching import state_of
from tests import warm
from tests.integration.browser import MISSING, browser
from tests.integration.conftest import REPOSITORY, Checkout
from tests.integration.registries import free_port

pytestmark = pytest.mark.engine
CELL = "2.60.0-py311-cpu"
SEARCH = ("--search-root", str(REPOSITORY))
SQUARES = """\
import sys
import ray

ray.init(log_to_driver=False)


@ray.remote(num_cpus=1, scheduling_strategy="SPREAD")
def square(number):
    import time

    time.sleep(0.2)
    return number * number, ray.util.get_node_ip_address()


found = ray.get([square.remote(number) for number in range(12)])
print([value for value, _ in found], len({node for _, node in found}), open("data.txt").read())
sys.exit(int(sys.argv[1]))
"""


@dataclass
class Place:
    """A cluster of a test's own, by a name that nobody else uses, at ports that are free."""

    checkout: Checkout
    name: str
    dashboard: int
    prometheus: int

    def run(
        self, command: str, *words: str, cwd: Path | None = None, named: bool = True
    ) -> subprocess.CompletedProcess[str]:
        name = ["--name", self.name] if named else []
        if cwd is None:
            return warm.command(
                (*SEARCH, f"cluster.{command}", *name, *words), self.checkout.env, timeout=900
            )
        return subprocess.run(
            self.argv(command, *name, *words),
            cwd=cwd,
            env=self.checkout.env,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def argv(self, command: str, *words: str) -> list[str]:
        return self.checkout.argv(*SEARCH, f"cluster.{command}", *words)

    def up(self, *words: str) -> subprocess.CompletedProcess[str]:
        ports = ("--port", str(self.dashboard), "--port", f"{self.prometheus}:prometheus")
        return self.run("up", "--cell", CELL, "--workers", "2", "--memory", "2g", *ports, *words)

    def status(self) -> Any:
        [told] = json.loads(self.run("status", "--format", "json").stdout)
        return told

    def left(self) -> list[str]:
        return [one.name for one in Engine.connect().resources(f"{CLUSTER}={self.name}")]

    def metrics(self, path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.prometheus}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]


def place(checkout: Checkout, name: str) -> Iterator[Place]:
    made = Place(checkout, f"{name}-{os.getpid()}", free_port(), free_port())
    yield made
    if made.left():
        made.run("down")
    assert not made.left()


@pytest.fixture(scope="module")
def running(shipped: Checkout, ray_image: str) -> Iterator[Place]:
    """One that is up, with Prometheus."""
    made = place(shipped, "test")
    found = next(made)
    done = found.up("--monitoring")
    assert done.returncode == 0, done.stderr
    yield found
    list(made)


@pytest.fixture
def other(shipped: Checkout, ray_image: str) -> Iterator[Place]:
    """One that a test may break."""
    yield from place(shipped, "broken")


def until(what: Callable[[], Any], seconds: float = 180) -> Any:
    """What it returns, once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return found


def test_every_node_is_told_of_with_its_address_and_resources(running: Place) -> None:
    told = running.status()
    assert told["healthy"]
    nodes = {node["name"]: node for node in told["nodes"]}
    assert list(nodes) == ["head", "worker-1", "worker-2", "prometheus"]
    ray = [nodes[name] for name in ("head", "worker-1", "worker-2")]
    assert len({node["address"] for node in ray}) == 3
    assert all(node["joined"] for node in ray)
    assert "CPU" not in nodes["head"]["resources"]
    assert nodes["worker-1"]["resources"]["CPU"] >= 1


def test_each_node_sees_all_the_others(running: Place) -> None:
    script = (
        "import ray; ray.init(log_to_driver=False); print(sum(n['Alive'] for n in ray.nodes()))"
    )
    for node in ("head", "worker-1", "worker-2"):
        done = running.run("shell", node, "--", "python", "-c", script)
        assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr


def test_a_job_runs_on_all_workers_in_a_copy_of_this_folder(running: Place, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(SQUARES)
    (tmp_path / "data.txt").write_text("with data")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "large").write_bytes(b"x" * 1000)
    done = running.run("submit", "--", "python", "job.py", "5", cwd=tmp_path)
    assert done.returncode == 5, done.stderr
    squares = [number * number for number in range(12)]
    assert f"{squares} 2 with data\n" in done.stdout


def test_an_interrupted_job_is_stopped(running: Place, tmp_path: Path) -> None:
    child = subprocess.Popen(
        running.argv("submit", "--name", running.name, "--", "sh", "-c", "echo on; sleep 600"),
        cwd=tmp_path,
        env=running.checkout.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    until(lambda: child.stdout and child.stdout.readline() == "on\n")
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=300)
    assert child.returncode == 130
    script = (
        "from ray.job_submission import JobSubmissionClient as C;"
        "print({str(one.status.value) for one in C('http://127.0.0.1:8265').list_jobs()"
        " if 'sleep 600' in one.entrypoint})"
    )

    def states() -> str:
        return running.run("shell", "--", "python", "-c", script).stdout.strip()

    until(lambda: states() == "{'STOPPED'}")


def test_nobody_gets_in_without_the_token(running: Place) -> None:
    told = running.status()
    file = state_of(running.checkout.settings, running.name) / "token"
    assert file.read_text().strip() == told["token"]
    assert file.stat().st_mode & 0o777 == 0o600
    asked = "import sys, urllib.request as u\n" + textwrap.dedent(
        """\
        headers = {"Authorization": "Bearer " + sys.argv[2]} if len(sys.argv) > 2 else {}
        try:
            print(u.urlopen(u.Request(sys.argv[1] + "/api/jobs/", headers=headers)).status)
        except u.HTTPError as error:
            print(error.code)
        """
    )
    codes = [
        process.run(["python3", "-c", asked, told["dashboard"], *token]).stdout.strip()
        for token in ([], ["0" * 64], [told["token"]])
    ]
    assert codes[0] == "401"
    assert codes[1] in ("401", "403")
    assert codes[2] == "200"


def test_the_dashboard_answers_on_this_machine_alone(running: Place) -> None:
    form = "{{json .NetworkSettings.Ports}}"
    head = running.status()["nodes"][0]["container"]
    ports = json.loads(process.run(["docker", "inspect", "--format", form, head]).stdout)
    bound = [place["HostIp"] for places in ports.values() for place in places or ()]
    assert bound == ["127.0.0.1"]


@pytest.mark.skipif(
    bool(MISSING), reason=f"no {' and '.join(MISSING)}: `./bootstrap.sh --browser true` installs it"
)
def test_the_dashboard_shows_all_nodes_to_a_browser_that_has_the_token(
    running: Place, tmp_path: Path
) -> None:
    told = running.status()
    addresses = [node["address"] for node in told["nodes"] if node["name"] != "prometheus"]
    with browser(tmp_path) as page:
        page.open(f"{told['dashboard']}/#/cluster")
        shown = page.until("Authentication Token Required")
        assert not any(address in shown for address in addresses)
        page.type("//input[@type='password']", told["token"])
        page.click("//button[.='Submit']")
        shown = page.until(*addresses)
    assert shown.count("ray.io/node-id:") == 3


def test_prometheus_scrapes_every_node(running: Place) -> None:
    nodes = [node for node in running.status()["nodes"] if node["name"] != "prometheus"]

    def scraped() -> Any:
        targets = running.metrics("targets?state=active")["activeTargets"]
        there = {target["labels"]["instance"].partition(":")[0] for target in targets}
        up = all(target["health"] == "up" for target in targets)
        return up and there == {node["address"] for node in nodes}

    until(scraped)
    result = until(lambda: running.metrics("query?query=ray_node_cpu_count")["result"])
    assert until(lambda: len(running.metrics("query?query=ray_node_mem_total")["result"]) == 3)
    assert all(float(one["value"][1]) >= 1 for one in result)


def test_files_go_both_ways(running: Place, tmp_path: Path) -> None:
    (tmp_path / "there.txt").write_text("there and back")
    there = running.run("cp", "there.txt", "worker-2:/home/ray/there.txt", cwd=tmp_path)
    back = running.run("cp", "worker-2:/home/ray/there.txt", "back.txt", cwd=tmp_path)
    assert (there.returncode, back.returncode) == (0, 0), there.stderr + back.stderr
    assert (tmp_path / "back.txt").read_text() == "there and back"
    own = running.run("shell", "worker-2", "--", "stat", "-c", "%U", "/home/ray/there.txt")
    assert own.stdout == "ray\n"
    assert running.run("cp", "a", "b").returncode == 2
    assert running.run("cp", "head:/nowhere", ".", cwd=tmp_path).returncode == 8


def test_what_was_copied_is_the_users_and_what_was_there_stays_whose_it_was(
    running: Place, tmp_path: Path
) -> None:
    (tmp_path / "some" / "below").mkdir(parents=True)
    (tmp_path / "some" / "secret").write_text("mine")
    (tmp_path / "some" / "secret").chmod(0o600)
    (tmp_path / "some" / "below" / "link").symlink_to("/etc/passwd")
    for source, there in (("some", "worker-1:/tmp"), ("some/.", "worker-1:/tmp")):
        done = running.run("cp", source, there, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    paths = ("some", "some/secret", "some/below/link", "secret", "below", ".", "/etc/passwd")
    told = running.run(
        "shell", "worker-1", "--", "sh", "-c", f"cd /tmp && stat -c %U {' '.join(paths)}"
    )
    assert told.stdout.split() == ["ray"] * 5 + ["root"] * 2, told.stderr
    read = running.run("shell", "worker-1", "--", "cat", "/tmp/some/secret")
    assert read.stdout == "mine"


def test_logs_are_those_of_the_node(running: Place) -> None:
    assert "Ray runtime started" in running.run("logs", "head", "--tail", "1000").stdout
    assert running.run("logs", "worker-9").returncode == 8


def test_the_same_name_is_not_started_twice(running: Place) -> None:
    done = running.up()
    assert done.returncode == 8
    assert f"there is a cluster {running.name} already, since 20" in done.stderr
    assert running.status()["healthy"]


def test_a_port_that_is_taken_is_named_with_who_has_it(running: Place, other: Place) -> None:
    other.dashboard = running.dashboard
    done = other.up()
    assert done.returncode == 8
    head = running.status()["nodes"][0]["container"]
    assert f"which is for the dashboard, is taken by the container {head}" in done.stderr
    assert other.left() == []


def test_a_port_of_another_program_is_named_too(other: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", other.dashboard))
        taken.listen()
        done = other.up()
    assert done.returncode == 8
    assert "is taken by another program" in done.stderr
    assert other.left() == []


def test_it_grows_and_shrinks(running: Place) -> None:
    before = {node["name"]: node["address"] for node in running.status()["nodes"]}
    grown = running.run("scale", "3")
    assert "a head and 3 workers, all up" in grown.stdout, grown.stderr
    after = {node["name"]: node["address"] for node in running.status()["nodes"]}
    assert before.items() < after.items(), "the others were left alone"
    assert "a head and 2 workers, all up" in running.run("scale", "2").stdout
    assert running.run("scale", "many").returncode == 2
    assert running.run("scale", "0").returncode == 2
    assert running.status()["healthy"]


def test_one_that_cannot_come_up_says_why_and_leaves_nothing(
    other: Place, ray_image: str, tmp_path: Path
) -> None:
    ref = f"factory.invalid/broken:{os.getpid()}"
    text = "#!/bin/sh\necho the-disk-is-on-fire >&2\nexit 3\n"
    (tmp_path / "ray").write_text(text)
    (tmp_path / "ray").chmod(0o755)
    dockerfile = f"FROM {ray_image}\nCOPY ray /home/ray/anaconda3/bin/ray\n"
    (tmp_path / "Dockerfile").write_text(dockerfile)
    process.run(["docker", "buildx", "build", f"--tag={ref}", "--load", str(tmp_path)])
    try:
        ports = ("--port", str(other.dashboard), "--memory", "2g")
        done = other.run("up", "--cell", ref, "--workers", "1", *ports)
    finally:
        Engine.connect().remove_image(ref)
    assert done.returncode == 8
    assert "head-1 ended with exit code 3" in done.stderr
    assert "the-disk-is-on-fire" in done.stderr
    assert other.left() == []
    kept = state_of(other.checkout.settings, other.name)
    assert any("the-disk-is-on-fire" in log.read_text() for log in kept.glob("*.log"))


def test_one_that_was_killed_half_way_is_seen_named_and_taken_down(other: Place) -> None:
    argv = other.argv("up", "--name", other.name, "--cell", CELL, "--workers", "2")
    argv += ["--memory", "2g", "--port", str(other.dashboard)]
    child = subprocess.Popen(
        argv, cwd=REPOSITORY, env=other.checkout.env, stderr=subprocess.DEVNULL
    )
    until(lambda: any("head" in name for name in other.left()))
    # As when the machine goes down: Compose goes with us. Who is halted starts nobody meanwhile.
    os.kill(child.pid, signal.SIGSTOP)
    for pid in (*children(child.pid), child.pid):
        with suppress(ProcessLookupError):  # it ended by itself
            os.kill(pid, signal.SIGKILL)
    child.wait()
    assert other.left()
    told = other.run("status")
    assert f"`invoke cluster.down --name {other.name}` takes it down" in told.stdout
    again = other.up()
    assert again.returncode == 8
    assert f"there is a cluster {other.name} already" in again.stderr
    down = other.run("down")
    assert down.returncode == 0
    assert "removed network" in down.stderr
    assert other.left() == []


def children(pid: int) -> list[int]:
    found = process.run(["ps", "-o", "pid=", "--ppid", str(pid)], check=False).stdout
    return [int(word) for word in found.split()]


def test_two_who_start_it_at_once_get_one(other: Place) -> None:
    argv = other.argv("up", "--name", other.name, "--cell", CELL, "--workers", "1")
    argv += ["--memory", "2g", "--port", str(other.dashboard)]
    both = [
        subprocess.Popen(
            argv, cwd=REPOSITORY, env=other.checkout.env, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [child.communicate(timeout=600)[1] for child in both]
    assert sorted(child.returncode for child in both) == [0, 8], said
    assert any(f"there is a cluster {other.name} already" in text for text in said)
    assert other.status()["healthy"]


def test_an_interrupt_takes_it_down(other: Place) -> None:
    argv = other.argv("up", "--name", other.name, "--cell", CELL, "--workers", "2")
    argv += ["--memory", "2g", "--port", str(other.dashboard)]
    child = subprocess.Popen(
        argv, cwd=REPOSITORY, env=other.checkout.env, stderr=subprocess.PIPE, text=True
    )
    until(lambda: any("head" in name for name in other.left()))
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=300)
    assert child.returncode == 130, said
    assert other.left() == []


def test_what_was_never_made_is_told_with_what_makes_it(other: Place) -> None:
    done = other.run("up", "--cell", "2.60.0-py313-gpu")
    assert done.returncode == 2
    assert "ray-app:2.60.0-py313-gpu was never published, and is not built here" in done.stderr
    assert "`invoke release --only ray-app:2.60.0-py313-gpu`" in done.stderr
    assert other.left() == []


def test_more_nodes_than_there_is_memory_for_are_refused_with_how_many_would_do(
    other: Place,
) -> None:
    done = other.run("up", "--cell", CELL, "--workers", "60", "--memory", "60g")
    assert done.returncode == 7
    assert "61 nodes of 60.0 GiB do not fit into the engine's" in done.stderr
    assert "ask for less" in done.stderr
    assert other.left() == []


def test_what_is_not_there_is_said_to_be_so(other: Place) -> None:
    for command in ("down", "shell", "submit", "logs"):
        done = other.run(command)
        assert done.returncode == 8
        assert f"there is no cluster {other.name}" in done.stderr
