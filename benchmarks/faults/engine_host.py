"""A second engine in a container of its own, which can be restarted in the middle of something.

The container has this machine's programs (``/usr``, read only) and nothing else of it: no image has
to be built or fetched. Its network has a loopback interface alone, in which registries of this
machine are made to answer at the ports that they have here.
"""

from __future__ import annotations

import ctypes
import io
import os
import secrets
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.proxy import forwarding
from factory import process
from factory.engine import Engine
from factory.errors import FactoryError, MachineError

DAEMON = "/usr/sbin/dockerd"
_SECONDS = 60.0
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET, of <linux/sched.h>
_FOLDERS = ("usr", "etc/ssl", "proc", "sys", "dev", "run", "tmp", "var/lib/docker", "socket")
_LINKS = ("bin", "sbin", "lib", "lib64")


@dataclass(frozen=True, kw_only=True)
class EngineHost:
    """A running one.

    Attributes:
        container: of the engine; ``holder`` is that of its network, which outlives a restart.
        address: for ``DOCKER_HOST``.
        outer: the environment of commands that go to the engine of this machine.
    """

    container: str
    holder: str
    address: str
    outer: dict[str, str | None]

    def restart(self) -> None:
        """End the engine without asking it, and have it answer again."""
        _docker(self.outer, "restart", "--time", "0", self.container)
        self.wait()

    def wait(self) -> None:
        """Until it answers.

        Raises:
            MachineError: it never does.
        """
        deadline = time.monotonic() + _SECONDS
        while process.run(["docker", "-H", self.address, "version"], check=False).code:
            if time.monotonic() > deadline:
                raise MachineError("an engine in a container did not start")
            time.sleep(0.1)

    @contextmanager
    def reach(self, host: str) -> Iterator[None]:
        """Have ``host:port`` of this machine's loopback interface answer in its network too."""
        state = _docker(self.outer, "inspect", "--format", "{{.State.Pid}}", self.holder)
        with forwarding(_listen(int(state), int(host.rpartition(":")[2])), host):
            yield


def is_possible() -> bool:
    """Whether this machine has what it takes: root, and an engine that is its own."""
    return os.geteuid() == 0 and Path(DAEMON).exists() and "DOCKER_HOST" not in os.environ


@contextmanager
def engine_host(folder: Path) -> Iterator[EngineHost]:
    """One that all commands in the block go to, and its removal."""
    mark, outer = secrets.token_hex(4), {"DOCKER_HOST": os.environ.get("DOCKER_HOST")}
    image, names = f"factory.invalid/engine-host:{mark}", (f"engine-{mark}", f"network-{mark}")
    (folder / "socket").mkdir(parents=True)
    made = EngineHost(
        container=names[0],
        holder=names[1],
        address=f"unix://{folder / 'socket' / 'docker.sock'}",
        outer=outer,
    )
    try:
        process.run(["docker", "import", "-", image], stdin=_root(), env=outer)
        run = ["run", "--detach", "--volume", "/usr:/usr:ro", "--volume", "/etc/ssl:/etc/ssl:ro"]
        alternatives = Path("/etc/alternatives")
        run += ["--volume", f"{alternatives}:{alternatives}:ro"] if alternatives.is_dir() else []
        _docker(outer, *run, "--network", "none", "--name", names[1], image, "sleep", "infinity")
        own = ["--network", f"container:{names[1]}", "--volume", f"{names[0]}:/var/lib/docker"]
        own += ["--volume", f"{folder / 'socket'}:/socket", "--privileged", "--name", names[0]]
        own += ["--tmpfs", "/run", "--tmpfs", "/var/run"]  # else its own old PID file stops it
        daemon = [DAEMON, "--host", "unix:///socket/docker.sock"]
        _docker(outer, *run, *own, image, *daemon, "--iptables=false", "--bridge=none")
        made.wait()
        with _instead(made.address):
            yield made
    finally:
        for argv in (["rm", "--force", *names], ["volume", "rm", names[0]], ["image", "rm", image]):
            process.run(["docker", *argv], env=outer, check=False, shielded=True)


@contextmanager
def _instead(address: str) -> Iterator[None]:
    """Have all that looks for an engine find this one."""
    os.environ["DOCKER_HOST"] = address
    try:
        assert Engine.connect()
        yield
    finally:
        del os.environ["DOCKER_HOST"]


def _docker(outer: dict[str, str | None], *arguments: str) -> str:
    try:
        return process.run(["docker", *arguments], env=outer).stdout.strip()
    except process.ProcessFailed as error:
        raise FactoryError(
            f"`docker {arguments[0]}` failed", detail=error.completed.tail[-3:]
        ) from error


def _root() -> bytes:
    """A root file system of empty folders, and links into ``/usr``."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name in _FOLDERS:
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
        for name in _LINKS:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, f"usr/{name}"
            archive.addfile(member)
    return sink.getvalue()


def _listen(process_id: int, port: int) -> socket.socket:
    """A socket that listens in the network of a process; made in a thread of its own, since it is
    threads that have networks."""
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def listen() -> None:
        try:
            with Path(f"/proc/{process_id}/ns/net").open("rb") as network:
                _enter(network.fileno())
            made.append(socket.create_server(("127.0.0.1", port)))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def _enter(network: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(network, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")
