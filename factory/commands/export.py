"""``invoke export.…``: files by which others launch, or make, what the factory published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context

from factory.cli import (
    FORMAT_HELP,
    check_form,
    command,
    selection_command,
    settings_here,
    show,
    warn,
)
from factory.commands.launching import launching_command, require_plain
from factory.model import Plan, Selection

if TYPE_CHECKING:
    from factory.export import Launch
    from factory.exporting import Wanted

_KUBERAY_NAME = 47
"""What KubeRay's operator takes for a RayJob or a RayService: it puts six characters after it, and
gives a RayCluster 53."""


def _write(form: str, files: dict[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    paths = [str(path) for path in files]
    show("\n".join(paths), lambda: paths, form)


def _place(output: str | None, launch: Launch, ending: str) -> Path:
    return Path(output) if output else settings_here().state / "export" / (launch.name + ending)


@launching_command()
def compose(_c: Context, wanted: Wanted, output: str | None, format: str = "text") -> None:
    """Write a Compose file of a Ray cluster, which needs nothing of the factory."""
    from factory.export import compose_file
    from factory.exporting import launch_of

    check_form(format)
    launch = launch_of(settings_here(), wanted, warn)
    _write(format, {_place(output, launch, ".compose.yaml"): compose_file(launch)})


@launching_command(
    "pull_secret",
    longest=_KUBERAY_NAME,
    namespace="where it is applied",
    pull_secret="the name of a secret by which nodes pull (repeatable)",  # noqa: S106  # help, no password
    entrypoint="what the RayJob runs",
    serve="what the RayService serves, as module:application",
)
def kuberay(
    _c: Context,
    wanted: Wanted,
    output: str | None,
    namespace: str = "",
    pull_secret: Sequence[str] | None = None,
    entrypoint: str = "python -c 'import ray; ray.init(); print(ray.cluster_resources())'",
    serve: str = "app:app",
    format: str = "text",
) -> None:
    """Write a RayCluster, a RayJob and a RayService for KubeRay into a folder."""
    from factory.export import Kube, kuberay_files
    from factory.exporting import launch_of

    check_form(format)
    require_plain(namespace=namespace, serve=serve, pull_secret=pull_secret)
    launch = launch_of(settings_here(), replace(wanted, elsewhere=True), warn)
    kube = Kube(
        namespace=namespace,
        pull_secrets=tuple(pull_secret or ()),
        entrypoint=entrypoint,
        serve=serve,
    )
    folder = _place(output, launch, ".kuberay")
    files = kuberay_files(launch, kube)
    _write(format, {folder / file: text for file, text in files.items()})


@launching_command(
    "worker_ip",
    "subnet",
    "security_group",
    sizes=False,
    provider="aws, or local for hosts that are there already",
    region="of AWS; that of the images' registry, if it is Amazon's",
    head_type="instance type of the head",
    worker_type="instance type of workers",
    gpu_type="instance type of nodes whose image is for GPUs",
    instance_profile="name or ARN: by which nodes pull from Amazon's registry",
    subnet="id of a subnet (repeatable)",
    security_group="id of a security group (repeatable)",
    ami="id of the machine image; Ray's default of the region, if left out",
    public_ips="reach nodes by public addresses, from outside of their network",
    head_ip="with local: the head's address",
    worker_ip="with local: a worker's address (repeatable)",
    ssh_user="who logs in to the nodes",
    ssh_key="the file of the private key",
)
def ray_up(
    _c: Context,
    wanted: Wanted,
    output: str | None,
    provider: str = "aws",
    region: str = "",
    head_type: str = "m6i.xlarge",
    worker_type: str = "m6i.xlarge",
    gpu_type: str = "g5.xlarge",
    instance_profile: str = "",
    subnet: Sequence[str] | None = None,
    security_group: Sequence[str] | None = None,
    ami: str = "",
    public_ips: bool = False,
    head_ip: str = "",
    worker_ip: Sequence[str] | None = None,
    ssh_user: str = "ubuntu",
    ssh_key: str = "",
    format: str = "text",
) -> None:
    """Write a cluster file for `ray up`."""
    from factory.export import Aws, Hosts, Nodes, cluster_file, placed
    from factory.exporting import knock, known_provider, launch_of

    check_form(format)
    require_plain(region=region, head_type=head_type, worker_type=worker_type, gpu_type=gpu_type)
    require_plain(instance_profile=instance_profile, ami=ami, subnet=subnet, ssh_key=ssh_key)
    require_plain(security_group=security_group, ssh_user=ssh_user)
    require_plain(head_ip=head_ip, worker_ip=worker_ip)
    aws = Aws(
        region=region,
        head_type=head_type,
        worker_type=worker_type,
        gpu_type=gpu_type,
        profile=instance_profile,
        subnets=tuple(subnet or ()),
        security_groups=tuple(security_group or ()),
        machine_image=ami,
        internal=not public_ips,
    )
    hosts = Hosts(head=head_ip, workers=tuple(worker_ip or ()))
    asked = known_provider(provider, aws=aws, local=hosts)
    launch = launch_of(settings_here(), replace(wanted, elsewhere=True, sized=True), warn)
    place = placed(launch, asked, warn)
    text = cluster_file(launch, Nodes(ssh_user=ssh_user, ssh_key=ssh_key), place)
    knock(place, warn)
    _write(format, {_place(output, launch, ".ray-up.yaml"): text})


@command(output="where to write it, instead of .github/workflows/images.yaml", **FORMAT_HELP)
def github(_c: Context, output: str | None = None, format: str = "text") -> None:
    """Write a GitHub workflow that builds, scans, verifies and publishes all of matrix.yaml."""
    from factory.exporting import workflow_of

    check_form(format)
    settings = settings_here()
    path = Path(output) if output else settings.root / ".github" / "workflows" / "images.yaml"
    _write(format, {path: workflow_of(settings, warn)})


def bake(_c: Context, selection: Selection, format: str = "text") -> None:
    """Write a file for `docker buildx bake`, which builds the same without us."""
    _bake(selection, format)


def bake_for_others(_c: Context, selection: Selection, format: str = "text") -> None:
    """Write a file for `docker buildx bake`, which builds the same without us, on this machine."""
    plan = _bake(selection, format)
    if any(step.rootfs for step in plan.steps.values()):
        warn(
            f"warning: it names root file systems in {settings_here().cache}\n"
            "  → run it on this machine: elsewhere `invoke bake` has to make them first"
        )


def _bake(selection: Selection, form: str) -> Plan:
    from factory.baking import export
    from factory.pipeline import prepare

    check_form(form)
    settings = settings_here()
    plan = prepare(settings, selection).plan
    name = str(export(settings, plan).relative_to(settings.root))
    show(name, lambda: [name], form)
    return plan


plain_bake = selection_command(bake)

ns = Collection("export", compose, kuberay, ray_up, github, bake=selection_command(bake_for_others))
