"""Who we are at targets, and how much more they take of us."""

from __future__ import annotations

from functools import partial

from factory.errors import FactoryError
from factory.model import Finding, Health, Target
from factory.model.target import HUB
from factory.registry import Allowance, Amazon, Registry, docker_credentials, locate
from factory.registry.amazon import client_of

_PREVIEW = ("docker.io/ratelimitpreview/test", "latest")
"""What Docker Hub has for asking after the limit: a HEAD of it is free.
https://docs.docker.com/docker-hub/usage/pulls/"""


def login(target: Target) -> Finding:
    """Whether there are credentials for a target, and in time what they are still good for."""
    try:
        return _amazon(target) if target.ecr else _docker(target)
    except FactoryError as error:
        return _finding(target, Health.WARN, error.what, error.todo)


def _amazon(target: Target) -> Finding:
    assert target.ecr, "who asks has looked"
    Amazon(target.ecr, partial(client_of, attempts=1)).token()
    return _finding(target, Health.OK, "the AWS chain has credentials that ECR takes")


def _docker(target: Target) -> Finding:
    at = locate(f"{target.registry}/any")
    found = docker_credentials(at.key)
    if found is None:
        what = f"Docker keeps no credentials for {at.host}"
        if target.kind == HUB:
            return _finding(target, Health.WARN, what, f"run `{at.login}`: nobody pushes without")
        return _finding(target, Health.OK, f"{what}: fine where it asks for none")
    who = f"as {found.username}" if found.username else "by an identity token"
    left = _left() if target.kind == HUB else None
    if left and left.is_short(0):
        return _finding(
            target, Health.WARN, f"{who}; {left}", "wait for the limit to pass, or pay for more"
        )
    return _finding(target, Health.OK, f"{who}; {left}" if left else who)


def _left() -> Allowance | None:
    """What Docker Hub still takes, where it says so and counts at all."""
    registry = Registry().hasty()
    try:
        registry.head(*_PREVIEW)
    except FactoryError:  # whether it answers is another finding
        return None
    return registry.allowance(_PREVIEW[0])


def _finding(target: Target, state: Health, what: str, remedy: str = "") -> Finding:
    return Finding(name=f"login {target.name}", state=state, what=what, remedy=remedy)
