"""Clusters to write files for, as if their images were published."""

from __future__ import annotations

from factory.export import Launch, Pinned
from factory.model import Build, Cell

GIB = 1 << 30
HOST = "registry.example.org/team"
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def pinned(device: str, *, ray: str = "2.60.0", host: str = HOST, boto3: bool = True) -> Pinned:
    """An image of 2 GiB in the registry and 5 on a disk, 9 if it is for GPUs."""
    cell = Cell(python="3.11", ray=ray, device=device)
    digit = "a" if device == "cpu" else "b"
    return Pinned(
        build=Build(image="ray-app", cell=cell),
        ref=f"{host}/ray-app@sha256:{digit * 64}",
        tag=f"{host}/ray-app:{cell.id}-{digit * 12}",
        packed=2 * GIB,
        unpacked=(9 if device == "gpu" else 5) * GIB,
        has_boto3=boto3,
    )


def launch(
    head: str = "cpu", *, ray: str = "2.60.0", host: str = HOST, boto3: bool = True
) -> Launch:
    """A head, and two workers for CPUs."""
    return Launch(
        name="my-ray",
        head=pinned(head, ray=ray, host=host, boto3=boto3),
        workers=(pinned("cpu", ray=ray, host=host),),
        count=2,
        cpus=2,
        memory=8,
        target="prod",
    )
