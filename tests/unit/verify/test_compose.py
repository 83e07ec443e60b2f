"""An engine that hangs, behind a `docker` of ours: an error names it, no verdict is lost."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from factory import process
from factory.errors import VerifyError
from factory.model import Cell, Check, CheckStatus, Status
from factory.process import Completed, ProcessFailed
from factory.verify import ClusterRequest, room, verify
from factory.verify.compose import Cluster, Container


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


CONTAINER = Container(name="head", state="running", health="", exit_code=0)


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
        ("gpu", False, ["cluster.yaml"], "0"),
        ("cpu", True, ["cluster.yaml"], "0"),
    ],
)
def test_workers_get_gpus_where_the_image_wants_them_and_the_engine_has_them(
    request_: ClusterRequest, docker: Path, device: str, runtime: bool, files: list[str], gpus: str
) -> None:
    with docker.open("a") as file:
        file.write("import os, sys\nprint(os.environ['WORKER_GPUS'], *sys.argv)\n")
    cell = replace(request_.cell, device=device)
    request = replace(request_, cell=cell, nvidia_runtime=runtime)
    said = Cluster.of(request, request.compose_files, "run").up().stdout.split()
    assert said[0] == gpus
    assert [Path(word).name for word in said if word.endswith(".yaml")] == files
