"""Which published images an export is of, and what they are called by those who pull them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import ConfigError, PublishError
from factory.export import Aws, Hosts
from factory.exporting import Wanted, launch_of, placed, workflow_of
from factory.ledger import Ledger
from factory.model import Publication
from factory.settings import Settings

GPU = "2.60.0-py311-gpu"
CPU = "2.60.0-py311-cpu"
COHORT = 'cohorts: {mixed: {head: {device: gpu, ray: "2.60.0"}, workers: {device: cpu}}}\n'
AWS = Aws(region="", head_type="m6i.xlarge", worker_type="m6i.large", gpu_type="g5.xlarge")


def publication(
    cell: str, *, target: str = "local", host: str = "registry.local:5000"
) -> Publication:
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
    file.write_text(
        text + "devices: {gpu: {cuda: cuda130}}\n" + COHORT.replace("2.60.0", '"2.60.0"')
    )
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


@pytest.mark.parametrize(("together", "one"), [("cohorts", False), ("all", True)])
def test_where_all_tags_move_together_the_workflow_has_one_job(
    settings: Settings, together: str, one: bool
) -> None:
    file = settings.root / "matrix.yaml"
    file.write_text(file.read_text() + f"release: {{together: {together}}}\n")
    assert ('for pair in found["pairs"]' not in workflow_of(settings)) is one
