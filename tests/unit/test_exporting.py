"""Which published images an export is of, and what they are called by those who pull them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

from factory import exporting
from factory.commands import export
from factory.errors import ConfigError, PublishError
from factory.export import Aws, Hosts, placed
from factory.exporting import Wanted, knock, launch_of, workflow_of
from factory.ledger import Ledger
from factory.model import Publication
from factory.settings import Settings
from tests.conftest import MATRIX
from tests.unit.plan.projects import plan_of, project_of

GPU = "2.60.0-py311-gpu"
CPU = "2.60.0-py311-cpu"
COHORT = 'cohorts: {mixed: {head: {device: gpu, ray: "2.60.0"}, workers: {device: cpu}}}\n'
AWS = Aws(region="", head_type="m6i.xlarge", worker_type="m6i.large", gpu_type="g5.xlarge")


def publication(cell: str, *, target: str = "local") -> Publication:
    return Publication(
        build_id=f"demo:{cell}",
        key="k" * 64,
        target=target,
        repository="registry.local:5000/team/demo",
        immutable=f"{cell}-kkkkkkkkkkkk",
        floating=(cell,),
        manifest_digest="sha256:" + "d" * 64,
        config_digest="sha256:" + "c" * 64,
        at="",
    )


@pytest.fixture
def settings(tree: Path) -> Settings:
    """A project for both devices, two builds of which are published."""
    file = tree / "matrix.yaml"
    text = file.read_text().replace(
        'latest: {ray: "2.60.0"}', 'latest: {ray: "2.60.0", device: cpu}'
    )
    text = text.replace('"2.55.1"]\n', '"2.55.1"]\n  device: [cpu, gpu]\n')
    file.write_text(text + "devices: {gpu: {cuda: cuda130}}\n" + COHORT)
    found = Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(tree)})
    with Ledger.open(found.state / "ledger.sqlite") as ledger:
        both = [publication(CPU), publication(GPU)]
        ledger.record_publications([*both, publication("2.55.1-py311-cpu", target="prod")], [])
    return found


def quiet(_line: str) -> None:
    """Who exports is told nothing here."""


def test_a_cohort_is_its_head_and_its_workers(settings: Settings) -> None:
    launch = launch_of(settings, Wanted(cohort="mixed"), quiet)
    assert launch.head.build.cell.id == GPU
    assert [one.build.cell.id for one in launch.workers] == [CPU]
    assert launch.name == "demo-mixed"
    assert launch.apart == ""


def test_the_latest_cell_is_taken_where_none_is_named(settings: Settings) -> None:
    launch = launch_of(settings, Wanted(), quiet)
    assert (launch.head.build.cell.id, launch.workers) == (CPU, (launch.head,))
    assert launch.head.ref == "registry.local:5000/team/demo@sha256:" + "d" * 64


def test_what_no_cohort_pairs_is_launched_and_said(settings: Settings) -> None:
    said: list[str] = []
    launch = launch_of(settings, Wanted(head=CPU, workers=(GPU,)), said.append)
    assert f"no cohort in matrix.yaml pairs {CPU} with {GPU}" in launch.apart
    assert said == [f"not verified together: {launch.apart}"]


def test_nodes_may_know_the_registry_by_another_name(settings: Settings) -> None:
    launch = launch_of(settings, Wanted(registry="mirror.example.org"), quiet)
    assert launch.head.ref.startswith("mirror.example.org/team/demo@sha256:")


def test_where_else_an_image_is_published_is_told(settings: Settings) -> None:
    with pytest.raises(PublishError, match="was never published at `local`") as raised:
        launch_of(settings, Wanted(cell="2.55.1-py311-cpu"), quiet)
    assert "--target prod, where it is" in raised.value.todo


def test_nodes_in_the_cloud_have_a_region_and_may_pull(settings: Settings) -> None:
    launch = launch_of(settings, Wanted(), quiet)
    with pytest.raises(ConfigError, match="which region"):
        placed(launch, AWS, quiet)
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    launch = launch_of(settings, Wanted(registry=host), quiet)
    with pytest.raises(ConfigError, match="nodes could not pull") as raised:
        placed(launch, AWS, quiet)
    assert "--instance-profile" in raised.value.todo
    found = placed(launch, replace(AWS, profile="nodes"), quiet)
    assert isinstance(found, Aws)
    assert found.region == "eu-west-1"


def test_a_head_without_boto3_is_told_of(settings: Settings) -> None:
    said: list[str] = []
    placed(launch_of(settings, Wanted(), quiet), replace(AWS, region="eu-west-1"), said.append)
    assert "boto3" in said[0]


def test_hosts_of_ones_own_have_addresses(settings: Settings) -> None:
    launch = launch_of(settings, Wanted(), quiet)
    with pytest.raises(ConfigError, match="needs the hosts' addresses"):
        placed(launch, Hosts(head="10.0.0.1", workers=()), quiet)


@pytest.mark.parametrize(
    ("head", "workers", "says"),
    [
        ("10.0.0.1", ("10.0.0.2", "10.0.0.1"), "--worker-ip 10.0.0.1 is the head already"),
        ("10.0.0.1", ("10.0.0.2", "10.0.0.2"), "--worker-ip 10.0.0.2 is there twice"),
        ("node-1", ("Node-1",), "--worker-ip Node-1 is the head already"),
    ],
)
def test_no_host_is_there_twice(
    settings: Settings, head: str, workers: tuple[str, ...], says: str
) -> None:
    launch = launch_of(settings, Wanted(), quiet)
    with pytest.raises(ConfigError, match=says) as raised:
        placed(launch, Hosts(head=head, workers=workers), quiet)
    assert "once" in raised.value.todo


def test_an_empty_address_is_none(settings: Settings) -> None:
    launch = launch_of(settings, Wanted(), quiet)
    with pytest.raises(ConfigError, match="needs the hosts' addresses"):
        placed(launch, Hosts(head="10.0.0.1", workers=("",)), quiet)


# ------------------------------------------------------------------ hosts that take no ssh


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address that takes connections at what goes for the port of ssh; others refuse them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(exporting, "_SSH", server.getsockname()[1])
        yield "127.0.0.1"


def test_each_host_that_refuses_is_told_of_and_what_to_do(door: str) -> None:
    said: list[str] = []
    knock(Hosts(head=door, workers=("127.0.0.2", "127.0.0.3")), said.append)
    assert len(said) == 2
    for address, text in zip(("127.0.0.2", "127.0.0.3"), said, strict=True):
        assert text.startswith(f"warning: {address} refuses connections to port ")
        assert "start sshd there" in text
        assert "wait for it without end" in text


def test_hosts_that_do_not_answer_cost_one_limit_together(
    door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, look_up = Event(), socket.getaddrinfo

    def hanging(host: str, *others: Any) -> Any:
        if host.startswith("silent"):
            ended.wait(30)
        return look_up("127.0.0.1", *others)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    said: list[str] = []
    began = monotonic()
    names = tuple(f"silent-{number}" for number in range(20))
    knock(Hosts(head=door, workers=names), said.append, seconds=0.3)
    took = monotonic() - began
    ended.set()
    assert took < 5
    assert [text.split()[1] for text in said] == list(names)
    assert all("does not answer at port" in text for text in said)


@pytest.mark.parametrize("name", ["host.invalid", "a..b", "a" * 70])
def test_a_name_that_nobody_knows_is_told_of(
    door: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def knowing(host: str, *others: Any) -> Any:
        if host == "host.invalid":  # no server is asked
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return look_up(host, *others)

    monkeypatch.setattr(socket, "getaddrinfo", knowing)
    said: list[str] = []
    knock(Hosts(head=door, workers=(name,)), said.append)
    [text] = said
    assert f"{name} is no name that this machine can look up" in text


def test_nodes_that_are_not_there_yet_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_silent", None)
    knock(AWS, quiet)


def test_the_file_for_hosts_is_written_all_the_same(
    settings: Settings,
    door: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FACTORY_ROOT", str(settings.root))
    monkeypatch.setattr(exporting, "_sized", lambda _found, pinned, _one: pinned)
    export.ray_up(Context(), provider="local", head_ip=door, worker_ip=["127.0.0.2"])
    said = capfd.readouterr()
    assert "warning: 127.0.0.2 refuses connections" in said.err
    assert "127.0.0.1 " not in said.err
    assert "worker_ips" in Path(said.out.strip()).read_text()


# ------------------------------------------------------------------ names


def called(command: Any, name: str) -> str:
    """What a command says that writes no file by this name."""
    with pytest.raises(Exit) as raised:
        command(Context(), name=name)
    assert raised.value.code == 2
    return str(raised.value.message)


def test_a_name_is_no_longer_than_its_launcher_takes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FACTORY_ROOT", str(settings.root))
    assert "use 47 at most" in called(export.kuberay, "a" * 48)
    assert "use 50 at most" in called(export.compose, "a" * 51)
    assert "use small letters" in called(export.kuberay, "My Ray")
    export.kuberay(Context(), name="a" * 47, output=str(tmp_path / "kube"))
    export.compose(Context(), name="a" * 50, output=str(tmp_path / "compose.yaml"))


def test_a_name_that_is_made_is_cut_to_what_is_taken(settings: Settings) -> None:
    whole = launch_of(settings, Wanted(), quiet).name
    assert whole == "demo-2-60-0-py311-cpu"
    assert launch_of(settings, Wanted(longest=18), quiet).name == "demo-2-60-0-py311"


# ------------------------------------------------------------------ files for builders


@pytest.mark.parametrize(("together", "one"), [("cohorts", False), ("all", True)])
def test_where_all_tags_move_together_the_workflow_has_one_job(
    settings: Settings, together: str, one: bool
) -> None:
    file = settings.root / "matrix.yaml"
    file.write_text(file.read_text() + f"release: {{together: {together}}}\n")
    assert ('for pair in found["pairs"]' not in workflow_of(settings, quiet)) is one


REGISTRY = "  prod: {kind: registry, address: registry.example.org/team%s}\n"


@pytest.mark.parametrize(
    ("more", "warns"),
    [("", True), (REGISTRY % ", promote_only: true", True), (REGISTRY % "", False)],
)
def test_a_workflow_that_publishes_nothing_that_lasts_is_told_of(
    settings: Settings, more: str, warns: bool
) -> None:
    file = settings.root / "matrix.yaml"
    local = "  local: {kind: local}\n"
    file.write_text(file.read_text().replace(local, local + more))
    said: list[str] = []
    workflow_of(settings, said.append)
    assert len(said) == warns
    if warns:
        assert "the runner's own, which is gone" in said[0]
        assert "add a target" in said[0]


@pytest.mark.parametrize("source", ["packages", "registry"])
def test_a_bake_file_with_this_machines_folders_is_told_of_as_an_export(
    tree: Path, source: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(project_of(MATRIX.replace("source: packages", f"source: {source}")))
    monkeypatch.setenv("FACTORY_ROOT", str(tree))
    monkeypatch.setattr("factory.pipeline.prepare", lambda *_: SimpleNamespace(plan=plan))
    monkeypatch.setattr("factory.baking.export", lambda settings, _: settings.root / "bake.json")
    for command, warns in ((export.ns["bake"], source == "packages"), (export.plain_bake, False)):
        command(Context())
        said = capfd.readouterr()
        assert said.out == "bake.json\n"
        assert ("names root file systems in" in said.err) is warns
