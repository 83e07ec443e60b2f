"""A cluster file for ``ray up``, on AWS or on hosts that are there already.

Nothing is installed at boot, since the images have all. What people meet instead is met here: a
disk that is full after the second image, a registry that refuses a node whose login ran out while
it was stopped, a Docker daemon or an apt that is not ready when the first command comes.

https://docs.ray.io/en/latest/cluster/vms/references/ray-cluster-configuration.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from typing import Any

from factory.export.launch import GIB, SHM_SHARE, Launch, Pinned, heading, slug, written

_ECR = re.compile(
    r"\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|on\.aws)(?:\.cn)?"
)
_CONTAINER = "ray"
_SYSTEM_GIB = 140
"""What Ray's own example gives its default machine image, which has CUDA several times."""

_SPILL_GIB = 30
"""For objects that Ray spills, logs, and working directories of jobs."""

_VERSIONS_KEPT = 2
"""A stopped node still has the image of before when it pulls the next one."""

_WAIT_FOR_DOCKER = (
    "for i in $(seq 60); do docker info >/dev/null 2>&1 && break; sleep 5; done; "
    "docker info >/dev/null"
)
_INSTALL_CLI = (
    "command -v aws >/dev/null || for i in $(seq 30); do "
    "sudo apt-get -o DPkg::Lock::Timeout=300 -qq update && "
    "sudo apt-get -o DPkg::Lock::Timeout=300 -qq install -y awscli && break; sleep 10; done"
)
_SHM = "--shm-size=$(awk '/^MemTotal/ {{printf \"%d\", $2 * {share}}}' /proc/meminfo)k"
_FILES = (
    '--ulimit=nofile=$(n=$(ulimit -Hn); [ "$n" -le 65536 ] 2>/dev/null && echo "$n" || echo 65536)'
)
"""As many open files as Ray wants, or the host may give."""

_AUTOSCALER_1 = "RAY_enable_autoscaler_v2=0 "
"""On hosts of one's own the second one does not record the head in its state, so it starts a worker
too few, and gives workers the head's image (Ray 2.60, tried)."""

_BOTO3 = (
    "python -c 'import boto3' 2>/dev/null || "
    'uv pip install --quiet --python "$(command -v python)" boto3'
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodes:
    """What is alike on AWS and on hosts of one's own: the user to log in as, and the key's file
    (empty: Ray makes one on AWS)."""

    ssh_user: str
    ssh_key: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aws:
    """Nodes on EC2.

    Attributes:
        region: where.
        head_type, worker_type, gpu_type: instance types: the head's, the workers', and that of
            nodes whose image is for GPUs.
        profile: the name or ARN of the instance profile by which nodes pull.
        subnets, security_groups: ids; none leaves the choice to Ray.
        machine_image: an AMI's id; empty is Ray's default of the region.
        internal: whether Ray reaches nodes by their private addresses.
    """

    region: str
    head_type: str
    worker_type: str
    gpu_type: str
    profile: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    machine_image: str = ""
    internal: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Hosts:
    """Hosts that are there already: addresses of the head's and the workers'."""

    head: str
    workers: tuple[str, ...]


def ecr_region(ref: str) -> str:
    """The region of a reference in an Amazon registry; empty if it is in another one."""
    found = _ECR.fullmatch(ref.partition("/")[0])
    return found[1] if found else ""


def cluster_file(launch: Launch, nodes: Nodes, place: Aws | Hosts) -> str:
    """The text of a cluster file."""
    key = {"ssh_private_key": nodes.ssh_key} if nodes.ssh_key else {}
    aws = isinstance(place, Aws)
    total = len(place.workers) if isinstance(place, Hosts) else launch.count * len(launch.workers)
    document = {
        "cluster_name": launch.name,
        "max_workers": total,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": 15,
        "provider": _aws(place) if isinstance(place, Aws) else _hosts(place),
        "auth": {"ssh_user": nodes.ssh_user, **key},
        "docker": _docker(launch),
        **_token_file(launch),
        **(_types(launch, place) if isinstance(place, Aws) else {}),
        "initialization_commands": _before(launch),
        # Named, all of them: Ray's defaults for AWS install a nightly build of Ray.
        "setup_commands": [],
        "head_setup_commands": [_BOTO3] if aws and not launch.head.has_boto3 else [],
        "worker_setup_commands": [],
        **_start(launch, "" if aws else _AUTOSCALER_1),
    }
    return written(_comment(launch), document)


def _comment(launch: Launch) -> list[str]:
    token = ["  ray get-auth-token --generate   # once: the nodes get it"] if launch.tokens else []
    mode = "RAY_AUTH_MODE=token " if launch.tokens else ""
    return [
        *heading(
            launch,
            "A Ray cluster for `ray up`, with the Ray of its images: "
            f"pip install 'ray[default]=={launch.head.cell.ray}'",
        ),
        *token,
        "  ray up --yes FILE",
        "  ray exec FILE 'ray status'",
        f"  ray dashboard FILE &   # then: {mode}ray job submit -- python …",
        "  ray down --yes FILE",
    ]


def _docker(launch: Launch) -> dict[str, Any]:
    """Of several kinds of workers each names its image itself."""
    shm = _SHM.format(share=f"{SHM_SHARE:g}")
    options = [shm, _FILES]
    options += ["--env=RAY_AUTH_MODE=token"] if launch.tokens else []
    return {
        "container_name": _CONTAINER,
        # All three: the autoscaler of newer Rays (v2) fails without the first, though the others
        # take its place.
        "image": launch.workers[0].ref,
        "head_image": launch.head.ref,
        "worker_image": launch.workers[0].ref,
        # A stopped node that starts again has the image, and its login has run out: Ray would pull
        # before it runs the commands that log in. What is named by its digest is never out of date.
        "pull_before_run": False,
        "run_options": options,
    }


def _token_file(launch: Launch) -> dict[str, Any]:
    """The token as a folder: a file that is mounted by itself stays the old one."""
    return {"file_mounts": {"/home/ray/.ray": "~/.ray"} if launch.tokens else {}}


def _before(launch: Launch) -> list[str]:
    """On the host, whenever a node starts: before its container does."""
    logins = {one.ref.partition("/")[0]: ecr_region(one.ref) for one in launch.images}
    amazon = {host: region for host, region in logins.items() if region}
    commands = [_WAIT_FOR_DOCKER]
    commands += [_INSTALL_CLI] if amazon else []
    return [*commands, *(_login(host, region) for host, region in amazon.items())]


def _login(host: str, region: str) -> str:
    """The instance profile may take a while to be known to a node that has just begun."""
    login = (
        f"aws ecr get-login-password --region {region} | "
        f"docker login --username AWS --password-stdin {host}"
    )
    return f"set -o pipefail; for i in $(seq 10); do {login} && exit 0; sleep 6; done; exit 1"


def _start(launch: Launch, setting: str) -> dict[str, list[str]]:
    """The images' digests are in the workers' command, by which Ray tells that a stopped node is
    out of date: then it logs in before it pulls."""
    images = " ".join(one.short for one in launch.images)
    start = "ray start --disable-usage-stats --object-manager-port=8076"
    files = "ulimit -Sn $(ulimit -Hn);"
    head = "--head --port=6379 --dashboard-host=127.0.0.1"
    return {
        "head_start_ray_commands": [
            "ray stop",
            f"{files} {setting}{start} {head} --autoscaling-config=~/ray_bootstrap_config.yaml",
        ],
        "worker_start_ray_commands": [
            f": images {images}; ray stop",
            f"{files} {start} --address=$RAY_HEAD_IP:6379",
        ],
    }


def _hosts(place: Hosts) -> dict[str, Any]:
    return {"type": "local", "head_ip": place.head, "worker_ips": list(place.workers)}


def _aws(place: Aws) -> dict[str, Any]:
    return {
        "type": "aws",
        "region": place.region,
        "use_internal_ips": place.internal,
        "cache_stopped_nodes": True,
    }


def _types(launch: Launch, place: Aws) -> dict[str, Any]:
    head = f"head-{slug(launch.head.cell.id)}"
    types = {head: _type(launch.head, place, place.head_type, 0)}
    for one in launch.workers:
        kind = _type(one, place, place.worker_type, launch.count)
        types[f"worker-{slug(one.cell.id)}"] = kind | {"docker": {"worker_image": one.ref}}
    return {"available_node_types": types, "head_node_type": head}


def _type(image: Pinned, place: Aws, instance: str, count: int) -> dict[str, Any]:
    by = "Arn" if place.profile.startswith("arn:") else "Name"
    disk = {"VolumeSize": disk_gib(image), "VolumeType": "gp3", "DeleteOnTermination": True}
    groups = list(place.security_groups)
    config: dict[str, Any] = {
        "InstanceType": place.gpu_type if image.gpu else instance,
        **({"ImageId": place.machine_image} if place.machine_image else {}),
        **({"IamInstanceProfile": {by: place.profile}} if place.profile else {}),
        **({"SubnetIds": list(place.subnets)} if place.subnets else {}),
        **({"SecurityGroupIds": groups} if groups else {}),
        "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": disk}],
    }
    # Empty resources: Ray fills in those of the instance type.
    return {
        "resources": {},
        "min_workers": count,
        "max_workers": count,
        "node_config": config,
    }


def disk_gib(image: Pinned) -> int:
    """The disk of a node that runs an image: while it is unpacked both forms of it are there."""
    return _SYSTEM_GIB + _SPILL_GIB + ceil(_VERSIONS_KEPT * (image.packed + image.unpacked) / GIB)
