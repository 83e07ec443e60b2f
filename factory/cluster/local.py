"""A cluster on this machine's engine: up, told of, grown, taken down."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from factory import compose, process
from factory.cluster import found, grafana
from factory.cluster.found import Found
from factory.cluster.plan import CLUSTER, Spec
from factory.compose import Container
from factory.engine import Engine
from factory.errors import ClusterError, Interrupted
from factory.locks import hold
from factory.process import Completed, ProcessFailed

BOOT_SECONDS = 240
"""Until all nodes answer, after the head does."""

JOIN_SECONDS = 60.0
_ASK_SECONDS = 60.0
_PAUSE = 0.5
_TAIL = 15
_INSIDE = Path(__file__).parent / "inside"
_TAKEN = ("port is already allocated", "address already in use")


@dataclass(frozen=True, kw_only=True, slots=True)
class RayNode:
    """A node as the head knows it: resources by name, memory in bytes."""

    address: str
    head: bool
    alive: bool
    resources: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Local:
    """A cluster that is started, and where what belongs to it is.

    Attributes:
        definitions: the folder of Compose files.
        state: a folder of its own, for its token, and logs of a start that failed.
        lock: a file that all who start one of this name on this machine lock.
    """

    engine: Engine
    spec: Spec
    definitions: Path
    state: Path
    lock: Path

    def up(self) -> Found:
        """Start it, and wait until all nodes have joined. If that fails nothing of it stays but the
        containers' logs.

        Raises:
            ClusterError: it is there already, a port is taken, a node did not come up or not join.
            MachineError: there is no Docker client.
            Interrupted: the run was cancelled.
        """
        with hold(self.lock):  # or whoever comes second would take down what the first one started
            return self._up()

    def _up(self) -> Found:
        self._require_room()
        token = secrets.token_hex(32)
        keep_token(self.state, token)
        try:
            self._boot(token)
            return self._joined(self.spec.workers)
        except BaseException as error:
            down(self.engine, self.spec.name, self.state)
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted("interrupted") from None
            raise

    def scale(self, there: Found, workers: int) -> Found:
        """Grow or shrink it to so many workers.

        Raises:
            ClusterError: a worker did not come up or not join; the others stay.
        """
        done = self._compose(
            there.token, "up", "--detach", "--wait", "--wait-timeout", str(BOOT_SECONDS),
            "--no-build", "--pull", "never", "--no-recreate", "--no-deps",
            "--scale", f"worker={workers}", "worker",
        )  # fmt: skip  # one option and its value a line
        if done.code:
            raise self._failure(done, there.token)
        return self._joined(workers)

    def _boot(self, token: str) -> None:
        done = self._compose(
            token, "up", "--detach", "--wait", "--wait-timeout", str(BOOT_SECONDS),
            "--no-build", "--pull", "never", "--scale", f"worker={self.spec.workers}",
            *(["--scale", "grafana=0"] if self.spec.grafana else []),
        )  # fmt: skip  # one option and its value a line
        if done.code:
            raise self._failure(done, token)
        if self.spec.grafana:
            self._add_grafana(token)

    def _add_grafana(self, token: str) -> None:
        """It reads its dashboards when it starts: so it is made, given them, and started."""
        created = self._compose(
            token, "up", "--no-start", "--no-build", "--pull", "never", "--no-recreate",
            "--no-deps", "grafana",
        )  # fmt: skip  # one option and its value a line
        if created.code:
            raise self._failure(created, token)
        place = found.one(self.spec.name)
        grafana.furnish(place.place("head").container, place.place("grafana").container)

    def _joined(self, workers: int) -> Found:
        """The cluster, once the head counts so many workers."""
        deadline = time.monotonic() + JOIN_SECONDS
        there = found.one(self.spec.name)
        while True:
            nodes = nodes_of(there)
            joined = sum(node.alive and not node.head for node in nodes)
            if joined == workers and any(node.head for node in nodes):
                return there
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{joined} of {workers} workers have joined within {JOIN_SECONDS:.0f} s",
                    where=f"cluster {self.spec.name}",
                    todo="see whether head and workers have the same Ray and Python,"
                    f" and the logs in {self.state}",
                    detail=self._kept_logs(self._containers(there.token)),
                )
            time.sleep(_PAUSE)

    def _require_room(self) -> None:
        """Once more, now that nobody else starts one of this name."""
        shown = ["dashboard"]
        shown += ["prometheus"] if self.spec.prometheus else []
        shown += ["grafana"] if self.spec.grafana else []
        ports = {name: self.spec.ports[name] for name in shown}
        require_room(found.clusters(), self.spec.name, ports)

    def _failure(self, done: Completed, token: str) -> ClusterError:
        """Why it did not come up, with the end of what the broken ones said."""
        containers = self._containers(token)
        broken = [one for one in containers if one.broken or one.health not in ("healthy", "")]
        taken = next((line for line in done.tail if any(word in line for word in _TAKEN)), "")
        if taken:
            return ClusterError(
                f"a port is taken: {taken.strip()}",
                where=f"cluster {self.spec.name}",
                todo="end what has it, or take another with --port",
            )
        return ClusterError(
            "; ".join(one.fate for one in broken) or "Compose could not start it",
            where=f"cluster {self.spec.name}",
            todo=f"see the logs in {self.state}",
            detail=[*(done.tail[-3:] if not broken else ()), *self._kept_logs(broken)],
        )

    def _kept_logs(self, containers: Sequence[Container]) -> list[str]:
        """Keep what containers said, and return the end of the first one's."""
        tails = []
        for one in containers:
            try:
                log = compose.log_of(one.name)
            except ProcessFailed:  # the engine is at its end: what it did say is told
                continue
            self.state.mkdir(parents=True, exist_ok=True)
            (self.state / f"{one.name}.log").write_text("\n".join(log), encoding="utf-8")
            tails.append([f"{one.name}: {line}" for line in log if line.strip()][-_TAIL:])
        return tails[0] if tails else []

    def _containers(self, token: str) -> tuple[Container, ...]:
        said = self._compose(token, "ps", "--all", "--format", "json")
        return () if said.code else compose.listed(said.stdout)

    def _compose(self, token: str, *arguments: str) -> Completed:
        files = [self.definitions / name for name in self.spec.files]
        try:
            return process.run(
                compose.command(files, self.spec.project, "--progress", "plain", *arguments),
                env=self.spec.variables(token),
                timeout=2 * BOOT_SECONDS,  # --wait-timeout leaves out the wait for the head
                check=False,
                keep=compose.KEPT_BYTES,
            )
        except ProcessFailed as failure:
            return replace(failure.completed, code=failure.completed.code or 1)


def require_room(clusters: Iterable[Found], name: str, ports: Mapping[str, int]) -> None:
    """That neither a name for a cluster nor one of the ports that it shows is taken.

    Raises:
        ClusterError: one is.
    """
    for there in clusters:
        if there.name == name:
            raise _there_already(there)
    wanted = {port: shown for shown, port in ports.items()}
    for port, holder in found.holding(wanted).items():
        raise ClusterError(
            f"port {port}, which is for the {wanted[port]}, is taken by {holder}",
            where=f"127.0.0.1:{port}",
            todo=f"end that, or take another: --port {port + 1}:{wanted[port]}",
        )


def nodes_of(there: Found) -> tuple[RayNode, ...]:
    """The nodes that the head knows, itself first; none while it does not answer.

    Raises:
        ClusterError: no head runs.
    """
    head = there.head
    if head is None:
        raise ClusterError(
            "its head does not run", where=f"cluster {there.name}", todo=_todo(there.name)
        )
    argv = ["docker", "exec", "--interactive", head.container, "python", "-I", "-S", "-"]
    try:
        said = process.run(argv, stdin=script("nodes"), timeout=_ASK_SECONDS)
        nodes = [RayNode(**node) for node in json.loads(said.stdout)]
    except (ProcessFailed, ValueError, TypeError):  # the image may say anything
        return ()
    return tuple(sorted(nodes, key=lambda node: (not node.head, node.address)))


def script(name: str) -> bytes:
    """What runs inside the head."""
    return (_INSIDE / f"{name}.py").read_bytes()


def down(engine: Engine, name: str, state: Path) -> tuple[str, ...]:
    """Remove all that bears a cluster's label, whatever is left of it, at once; returns what that
    was, as ``container NAME``. The logs of a start that failed are kept.

    Raises:
        MachineError: the engine did not remove something.
    """
    (state / "token").unlink(missing_ok=True)
    left = engine.resources(f"{CLUSTER}={name}")
    for resource in left:
        engine.remove(resource)
    return tuple(f"{resource.kind} {resource.name}" for resource in left)


def keep_token(state: Path, token: str) -> None:
    """Write a cluster's secret where this user alone can read it."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = state / "token"
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(token + "\n", encoding="utf-8")


def _there_already(there: Found) -> ClusterError:
    since = min((one.since for one in there.places), default=None)
    return ClusterError(
        f"there is a cluster {there.name} already"
        + (f", since {since:%Y-%m-%d %H:%M} UTC" if since else ", of which a network is left"),
        todo=_todo(there.name) + ", or choose another --name",
        detail=[f"{one.node} is {one.state}" for one in there.places],
    )


def _todo(name: str) -> str:
    return f"`invoke cluster.down --name {name}` takes it down"
