"""Where nodes of ``ray up`` are: what was said of it, with what the images tell, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from factory.errors import ConfigError
from factory.export.launch import Launch
from factory.export.ray_up import Aws, Hosts, ecr_region


def placed(launch: Launch, asked: Aws | Hosts, note: Callable[[str], None]) -> Aws | Hosts:
    """Where nodes are, with what can be told by the images.

    Raises:
        ConfigError: something is missing or there twice, or nodes could not pull.
    """
    return _hosts(launch, asked) if isinstance(asked, Hosts) else _aws(launch, asked, note)


def _hosts(launch: Launch, asked: Hosts) -> Hosts:
    if not asked.workers or not all((asked.head, *asked.workers)):
        raise ConfigError(
            "--provider local needs the hosts' addresses",
            todo="say --head-ip ADDRESS, and --worker-ip ADDRESS for each worker",
        )
    _require_each_once(asked)
    if len(launch.workers) > 1:
        raise ConfigError(
            "Ray knows one kind of worker on hosts that are there already",
            todo=f"name one: --head {launch.head.cell.id} --worker {launch.workers[0].cell.id}",
        )
    return asked


def _require_each_once(asked: Hosts) -> None:
    """Ray keeps its hosts by their addresses: of one that is there twice it says nothing but
    ``AssertionError``."""
    seen = {asked.head.lower(): "the head already"}
    for one in asked.workers:
        what = seen.get(one.lower())
        if what:
            raise ConfigError(
                f"--worker-ip {one} is {what}",
                todo="name each host once: Ray runs one node on each",
            )
        seen[one.lower()] = "there twice"


def _aws(launch: Launch, asked: Aws, note: Callable[[str], None]) -> Aws:
    of_registry = ecr_region(launch.head.ref)
    region = asked.region or of_registry
    if not region:
        raise ConfigError("which region of AWS?", todo="say it, such as --region us-west-2")
    if of_registry and not asked.profile:
        raise ConfigError(
            "nodes could not pull from Amazon's registry: the role that Ray makes for the head may "
            "not, and workers get none",
            todo="say --instance-profile NAME, of a role with AmazonEC2ContainerRegistryReadOnly "
            "and, for the head, AmazonEC2FullAccess and iam:PassRole",
        )
    if not launch.head.has_boto3:
        note(
            f"{launch.head.build.id} is not known to have boto3, by which a head on AWS starts its "
            "workers: where it is missing the head installs it at boot\n"
            "  → to spare that, add boto3 to the image's requirements"
        )
    return replace(asked, region=region)
