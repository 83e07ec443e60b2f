"""Cluster files are what Ray takes, by its own schema, and say what people forget."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from factory.export import Aws, Hosts, Launch, Nodes, cluster_file, ecr_region
from tests.unit.export.launches import ECR, launch

AWS = Aws(region="eu-west-1", head_type="m6i.xlarge", worker_type="m6i.large", gpu_type="g5.xlarge")
NODES = Nodes(ssh_user="ubuntu")
HOSTS = Hosts(head="10.0.0.1", workers=("10.0.0.2", "10.0.0.3"))


def read(launched: Launch, place: Aws | Hosts = AWS, nodes: Nodes = NODES) -> dict[str, Any]:
    """A file as Ray reads it, after Ray's own validation."""
    document: dict[str, Any] = yaml.safe_load(cluster_file(launched, nodes, place))
    validate_config(prepare_config(document))
    return document


@pytest.mark.parametrize("place", [AWS, HOSTS], ids=["aws", "local"])
@pytest.mark.parametrize("head", ["cpu", "gpu"])
@pytest.mark.parametrize("ray", ["2.60.0", "2.45.0"])
def test_ray_itself_takes_the_file(place: Aws | Hosts, head: str, ray: str) -> None:
    assert read(launch(head, ray=ray), place)["cluster_name"] == "my-ray"


def test_rays_schema_refuses_what_is_none_of_its_keys() -> None:
    document = yaml.safe_load(cluster_file(launch(), NODES, AWS)) | {"images": []}
    with pytest.raises(Exception, match="Additional properties are not allowed"):
        validate_config(prepare_config(document))


def test_images_are_named_by_digest_and_a_gpu_head_has_cpu_workers() -> None:
    mixed = launch("gpu")
    document = read(mixed)
    types = document["available_node_types"]
    docker = document["docker"]
    assert docker["head_image"] == mixed.head.ref
    # Without `image` the autoscaler that starts workers ends with a KeyError.
    assert docker["image"] == docker["worker_image"] == mixed.workers[0].ref
    assert document["head_node_type"] == "head-2-60-0-py311-gpu"
    assert types["head-2-60-0-py311-gpu"]["node_config"]["InstanceType"] == "g5.xlarge"
    worker = types["worker-2-60-0-py311-cpu"]
    assert worker["docker"] == {"worker_image": mixed.workers[0].ref}
    assert worker["node_config"]["InstanceType"] == "m6i.large"
    assert (worker["min_workers"], worker["max_workers"], document["max_workers"]) == (2, 2, 2)


def test_disks_have_room_for_two_versions_of_the_image_both_packed_and_unpacked() -> None:
    types = read(launch("gpu"))["available_node_types"]
    sizes = {
        name: kind["node_config"]["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"]
        for name, kind in types.items()
    }
    assert sizes == {"head-2-60-0-py311-gpu": 170 + 22, "worker-2-60-0-py311-cpu": 170 + 14}


def test_nothing_is_installed_at_boot_not_even_by_rays_defaults() -> None:
    prepared = prepare_config(read(launch()))
    assert prepared["setup_commands"] == prepared["head_setup_commands"] == []
    assert prepared["worker_setup_commands"] == []


def test_only_a_head_that_lacks_the_client_of_aws_installs_it() -> None:
    lacking = read(launch(boto3=False))
    assert [command[:25] for command in lacking["head_setup_commands"]] == [
        "python -c 'import boto3' "
    ]
    assert read(launch(boto3=False), HOSTS)["head_setup_commands"] == []


def test_nodes_log_in_to_amazons_registry_before_each_start_and_never_pull_before_that() -> None:
    document = read(launch(host=ECR))
    wait, install, login = document["initialization_commands"]
    assert "docker info" in wait
    assert "Lock::Timeout" in install
    assert "aws ecr get-login-password --region eu-west-1" in login
    assert f"docker login --username AWS --password-stdin {ECR}" in login
    assert document["docker"]["pull_before_run"] is False


def test_another_image_is_another_command_of_workers_by_which_ray_knows_stopped_nodes() -> None:
    one, other = (read(launch(head))["worker_start_ray_commands"] for head in ("cpu", "gpu"))
    assert one != other


def test_other_registries_are_not_logged_in_to() -> None:
    [wait] = read(launch())["initialization_commands"]
    assert "login" not in wait


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (ECR, "eu-west-1"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("evil.org", ""),
        (f"{ECR}.evil.org", ""),
    ],
)
def test_amazons_registries_are_known_by_their_names(host: str, region: str) -> None:
    assert ecr_region(f"{host}/ray-app@sha256:0") == region


def test_what_is_said_of_aws_reaches_every_node() -> None:
    place = Aws(
        region="eu-west-1",
        head_type="m6i.xlarge",
        worker_type="m6i.large",
        gpu_type="g5.xlarge",
        profile="arn:aws:iam::123456789012:instance-profile/ray",
        subnets=("subnet-1",),
        security_groups=("sg-1",),
        machine_image="ami-1",
        internal=False,
    )
    document = read(launch("gpu"), place)
    assert document["provider"]["use_internal_ips"] is False
    for kind in document["available_node_types"].values():
        config = kind["node_config"]
        assert config["IamInstanceProfile"] == {"Arn": place.profile}
        assert (config["SubnetIds"], config["SecurityGroupIds"]) == (["subnet-1"], ["sg-1"])
        assert config["ImageId"] == "ami-1"
    assert read(launch())["provider"]["use_internal_ips"] is True


def test_shared_memory_and_open_files_are_asked_for() -> None:
    options = read(launch())["docker"]["run_options"]
    assert options[0].startswith("--shm-size=$(awk")
    assert options[1].startswith("--ulimit=nofile=$(")


def test_tokens_are_asked_for_only_of_a_ray_that_knows_them() -> None:
    assert read(launch())["file_mounts"] == {"/home/ray/.ray": "~/.ray"}
    old = read(launch(ray="2.45.0"))
    assert old["file_mounts"] == {}
    assert not any("RAY_AUTH" in option for option in old["docker"]["run_options"])


def test_hosts_of_ones_own_are_named() -> None:
    nodes = Nodes(ssh_user="ray", ssh_key="~/.ssh/id_ed25519")
    document = read(launch(), HOSTS, nodes)
    assert document["provider"] == {
        "type": "local",
        "head_ip": "10.0.0.1",
        "worker_ips": ["10.0.0.2", "10.0.0.3"],
    }
    assert document["auth"] == {"ssh_user": "ray", "ssh_private_key": "~/.ssh/id_ed25519"}
    assert "available_node_types" not in document
    [_, start] = document["head_start_ray_commands"]
    assert "RAY_enable_autoscaler_v2=0 ray start --" in start
