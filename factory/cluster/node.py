"""One node: a container with the user's terminal in it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress

from factory import process
from factory.cluster import found
from factory.cluster.found import Place
from factory.cluster.plan import KIND, NODE, TOKEN, Node, streams
from factory.errors import ClusterError
from factory.process import ProcessFailed

_SECONDS = 120.0
_ENGINE_FAILED = 125
"""What `docker run` ends with where it is the engine that could not."""

_TOOLKIT = (
    "where it has no device driver for GPUs, install the NVIDIA Container Toolkit on the engine's"
    " machine, or leave out --gpus"
)

Note = Callable[[str], None]


def run(node: Node, note: Note) -> int:
    """Run it to its end, or start it where it is detached; returns the exit code of its command.

    Args:
        note: is told what a person wants to know: how to get at it.

    Raises:
        ClusterError: it could not be started, or its name is taken.
        MachineError: there is no Docker client.
    """
    if node.keep:
        return _kept(node, note)
    _require_ports(node)
    env = _secret(node, note)
    if node.detach:
        note(f"started {_started(node, env)}; `docker stop` ends it, and removes it")
        return 0
    code = process.attached(node.argv(), env=env)
    if code == _ENGINE_FAILED:
        raise ClusterError(
            "the engine did not start it, or the command ended with 125",
            where=node.image,
            todo="see what Docker says above" + (f"; {_TOOLKIT}" if node.gpus else ""),
        )
    return code


def _kept(node: Node, note: Note) -> int:
    """Make a container that lasts, or start the one there is, and enter it. Who started it stops
    it when leaving."""
    there = found.container(node.keep)
    if there is None:
        _require_ports(node)
        _started(node, _secret(node, note))
        note(f"made {node.keep}; `docker rm --force {node.keep}` removes it")
    elif there.labels.get(KIND) != NODE:
        raise ClusterError(
            f"there is a container {node.keep} already, which is none of ours",
            todo="choose another name for --keep",
        )
    elif node.image not in ("", there.image):
        raise ClusterError(
            f"{node.keep} is there already, of another image ({there.image})",
            todo=f"`docker rm --force {node.keep}`, or choose another name for --keep",
        )
    else:
        _warn_of_unheeded(node, there, note)
        if not there.running:
            _docker("start", node.keep)
    if node.detach and not node.command:
        return 0
    try:
        command = node.command or ("bash",)
        return process.attached(["docker", "exec", *streams(node.terminal), node.keep, *command])
    finally:
        if not node.detach and (there is None or not there.running):
            with suppress(ClusterError):
                _docker("stop", "--time", "12", node.keep)


def _warn_of_unheeded(node: Node, there: Place, note: Note) -> None:
    if flags := node.unheeded(there.labels):
        note(
            f"warning: {node.keep} was made without {', '.join(flags)}, and stays as it was made:"
            f" `docker rm --force {node.keep}` lets it be made anew"
        )


def _started(node: Node, env: dict[str, str]) -> str:
    try:
        done = process.run(node.argv(), env=env, timeout=_SECONDS)
    except ProcessFailed as failure:
        if node.keep:  # made, but not started: nothing half-made stays behind
            with suppress(ClusterError):
                _docker("rm", "--force", node.keep)
        raise ClusterError(
            "the engine did not start it",
            where=node.keep or node.image,
            todo="mend what Docker says" + (f"; {_TOOLKIT}" if node.gpus else ""),
            detail=failure.completed.tail,
        ) from failure
    return node.keep or done.stdout.strip()[:12]


def _secret(node: Node, note: Note) -> dict[str, str]:
    if not node.ray:
        return {}
    token = secrets.token_hex(32)
    port = node.ports.get(8265)
    if port:
        note(f"dashboard: http://127.0.0.1:{port}")
    note(f"token: {token}")
    return {TOKEN: token}


def _require_ports(node: Node) -> None:
    for port, holder in found.holding(node.ports.values()).items():
        raise ClusterError(
            f"port {port} is taken by {holder}",
            where=f"127.0.0.1:{port}",
            todo=f"end that, or take another: --port {port + 1}:"
            f"{next(there for there, here in node.ports.items() if here == port)}",
        )


def _docker(*arguments: str) -> None:
    try:
        process.run(["docker", *arguments], timeout=_SECONDS, shielded=True)
    except ProcessFailed as failure:
        raise ClusterError(
            f"`docker {arguments[0]}` failed",
            where=arguments[-1],
            todo="mend what Docker says",
            detail=failure.completed.tail,
        ) from failure
