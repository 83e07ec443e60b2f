"""An engine that hangs, behind a `docker` of ours: an error names it, no verdict is lost."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from factory import process
from factory.compose import Container
from factory.errors import VerifyError
from factory.model import Cell, Check, CheckStatus, Status
from factory.process import Completed, ProcessFailed
from factory.verify import ClusterRequest, room, verify
from factory.verify.compose import Cluster


@pytest.fixture
def request_(tmp_path: Path) -> ClusterRequest:
    (tmp_path / "cluster.yaml").write_text("services: {}\n")
    return ClusterRequest(
        subject="ray-app:2.60.0-py311-cpu",
        config_digest="sha256:" + "a" * 64,
        head_ref="ray-app:1",
        worker_ref="ray-app:1",
        cell=Cell(python="3.11", ray="2.60.0", device="cpu"),
        compose_file=tmp_path / "cluster.yaml",
    )


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program `docker`, which a test writes."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


@pytest.fixture
def hanging(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with docker.open("a") as file:
        file.write("import time\ntime.sleep(60)\n")
    real = process.run

    def impatient(*arguments: object, **options: object) -> Completed:
        return real(*arguments, **(options | {"timeout": 0.3}))  # type: ignore[arg-type]

    monkeypatch.setattr(process, "run", impatient)


CONTAINER = Container(
    name="head", host="0123456789ab", service="head", state="running", health="", exit_code=0
)


@pytest.mark.usefixtures("hanging")
def test_an_engine_that_hangs_is_named(request_: ClusterRequest) -> None:
    cluster = Cluster.of(request_, request_.compose_files, "run")
    for ask in (
        cluster.containers,
        cluster.down,
        lambda: cluster.log(CONTAINER),
        lambda: cluster.last_probe(CONTAINER),
    ):
        with pytest.raises(VerifyError, match="Docker engine does not answer"):
            ask()
    with pytest.raises(ProcessFailed):
        cluster.up()


@pytest.mark.usefixtures("hanging")
def test_a_verdict_outlives_an_engine_that_hangs_afterwards(
    request_: ClusterRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = (Check(name="boot", status=CheckStatus.FAIL, reason="it died"),)
    monkeypatch.setattr(room, "_judge", lambda *_: failed)
    said: list[str] = []
    verdict = verify(request_, run_id="run", log=said.append, logs=tmp_path / "logs")
    assert (verdict.status, verdict.checks) == (Status.FAIL, failed)
    assert "not all logs could be kept" in said[0]
    assert "could not be removed" in said[1]


def test_what_is_set_by_chance_does_not_reach_compose(
    request_: ClusterRequest, docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with docker.open("a") as file:
        file.write("import os\nprint(repr(os.environ['DOCKER_DEFAULT_PLATFORM']))\n")
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/s390x")
    assert Cluster.of(request_, request_.compose_files, "run").up().stdout == "''\n"


@pytest.mark.parametrize(
    ("device", "runtime", "files", "gpus"),
    [
        ("gpu", True, ["cluster.yaml", "gpu.yaml"], "1"),
        ("gpu", False, ["cluster.yaml"], "1"),
        ("cpu", True, ["cluster.yaml"], "0"),
    ],
)
def test_workers_declare_gpus_where_the_image_wants_them_and_get_those_that_the_engine_has(
    request_: ClusterRequest, docker: Path, device: str, runtime: bool, files: list[str], gpus: str
) -> None:
    with docker.open("a") as file:
        file.write("import os, sys\nprint(os.environ['WORKER_GPUS'], *sys.argv)\n")
    cell = replace(request_.cell, device=device)
    request = replace(request_, cell=cell, nvidia_runtime=runtime)
    said = Cluster.of(request, request.compose_files, "run").up().stdout.split()
    assert said[0] == gpus
    assert [Path(word).name for word in said if word.endswith(".yaml")] == files


ROWS = [
    {"ID": name * 64, "Name": f"c-{service}-1", "Service": service, "State": "running"}
    for name, service in (("a", "head"), ("b", "worker"))
]


@pytest.fixture
def two_nodes(docker: Path) -> Path:
    """A cluster of a head and a worker; the file lists what else was asked of the engine."""
    rows = [json.dumps({**row, "Health": "healthy", "ExitCode": 0}) for row in ROWS]
    asked = docker.with_name("asked")
    asked.touch()
    with docker.open("a") as file:
        file.write(f"""import sys
if "ps" in sys.argv:
    print({chr(10).join(rows)!r})
else:
    open({str(asked)!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
""")
    return asked


def test_a_container_is_known_by_its_host_name_and_its_service(
    request_: ClusterRequest, two_nodes: Path
) -> None:
    head, worker = Cluster.of(request_, request_.compose_files, "run").containers()
    assert (head.service, head.host) == ("head", "a" * 12)
    assert (worker.service, worker.host) == ("worker", "b" * 12)
    assert two_nodes.read_text() == ""


def test_a_worker_is_killed_and_started_by_its_host_name(
    request_: ClusterRequest, two_nodes: Path
) -> None:
    cluster = Cluster.of(request_, request_.compose_files, "run")
    for what in ("kill", "start"):
        cluster.disturb(what, "b" * 12)
    assert two_nodes.read_text().splitlines() == ["kill c-worker-1", "start c-worker-1"]


@pytest.mark.parametrize(
    ("what", "host"),
    [
        ("kill", "a" * 12),
        ("kill", "c" * 12),
        ("kill", ""),
        ("kill", "c-worker-1"),
        ("rm", "b" * 12),
        ("kill --signal=USR1", "b" * 12),
    ],
    ids=["the head", "a stranger", "nobody", "a name", "another verb", "a flag"],
)
def test_nothing_else_is_done_for_an_image(
    request_: ClusterRequest, two_nodes: Path, what: str, host: str
) -> None:
    Cluster.of(request_, request_.compose_files, "run").disturb(what, host)
    assert two_nodes.read_text() == ""


def test_workers_that_wait_are_created_before_the_head_alone_is_booted(
    request_: ClusterRequest, two_nodes: Path
) -> None:
    Cluster.of(request_, request_.compose_files, "run").up_head({"worker": 3, "throttled": 1})
    create, boot = (line.split() for line in two_nodes.read_text().splitlines())
    assert "--no-start" in create
    assert [word for word in create if "=" in word] == ["worker=3", "throttled=1"]
    assert boot[-1] == "head"
    assert "--wait" in boot
    assert {"--no-build", "never"} <= {*create} & {*boot}


def test_a_worker_is_ended_so_that_the_head_is_told(
    request_: ClusterRequest, two_nodes: Path
) -> None:
    cluster = Cluster.of(request_, request_.compose_files, "run")
    _, worker = cluster.containers()
    cluster.start(worker)
    cluster.retire(worker)
    assert [line.split()[0] for line in two_nodes.read_text().splitlines()] == [
        "start",
        "stop",
    ]


@pytest.mark.parametrize(("code", "fault"), [(0, True), (127, False)])
def test_a_worker_that_cannot_be_started_is_the_engines_fault_unless_a_program_is_missing(
    request_: ClusterRequest, docker: Path, code: int, fault: bool
) -> None:
    row = {**ROWS[1], "State": "created", "Health": "", "ExitCode": code}
    with docker.open("a") as file:
        file.write(f"""import sys
if "ps" not in sys.argv:
    sys.exit("no space left on device")
print({json.dumps(row)!r})
""")
    cluster = Cluster.of(request_, request_.compose_files, "run")
    (worker,) = cluster.containers()
    if not fault:
        cluster.start(worker)
        return
    with pytest.raises(VerifyError, match="could not start a worker") as caught:
        cluster.start(worker)
    assert "no space left on device" in " ".join(caught.value.detail)
