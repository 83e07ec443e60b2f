"""What is to run, from the matrix and the ledger, or from anywhere, and the room that runs it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory import process
from factory.build import host_sources
from factory.choosing import choose, present
from factory.cluster import monitoring, ports, sizes
from factory.cluster.found import Found, clusters, container, one
from factory.cluster.local import Local, require_room
from factory.cluster.local import down as remove
from factory.cluster.plan import Node, Spec, check_name
from factory.cluster.sizes import Sizes
from factory.engine import Engine
from factory.errors import ClusterError, ConfigError
from factory.model import Chosen, differing
from factory.process import ProcessFailed
from factory.project import load
from factory.settings import Settings
from factory.verify import nvidia_runtime

DEFINITIONS = Path(__file__).parent.parent / "compose"
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", re.ASCII)
_SECONDS = 120.0
_KEPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,3}", re.ASCII)
_MOST_WORKERS = 64
_VERSIONS = (
    "import importlib.metadata as m, json, platform;"
    "print(json.dumps([m.version('ray'), platform.python_version()]))"
)
Note = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedNode:
    """What the user wants of ``run``, as typed."""

    name: str | None
    target: str | None
    shm_size: str | None
    keep: str | None
    ports: Sequence[str]
    gpus: bool
    detach: bool
    ray: bool
    command: Sequence[str]
    terminal: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedCluster:
    """What the user wants of ``cluster.up``, as typed."""

    cell: str | None
    head: str | None
    worker: str | None
    workers: int
    name: str
    target: str | None
    ports: Sequence[str]
    memory: str | None
    shm_size: str | None
    monitoring: bool


def node(settings: Settings, asked: AskedNode, note: Note) -> Node:
    """The container that is asked for, its image in the engine.

    Raises:
        ConfigError: the call is wrong, or there is no such cell or image.
        ClusterError: the image could not be pulled, or is not for this engine.
        MachineError: there is no usable engine, or not enough memory.
    """
    shm = sizes.parse(asked.shm_size, "--shm-size") if asked.shm_size else None
    wanted = ports.parse(asked.ports or (["dashboard"] if asked.ray else []))
    if asked.keep is not None and not _KEPT.fullmatch(asked.keep):
        raise ConfigError(f"--keep {asked.keep!r} is no name", todo="use letters, digits, . _ -")
    engine = Engine.connect()
    image = ""
    if asked.name is not None or asked.keep is None or container(asked.keep) is None:
        image = present(settings, engine, choose(settings, engine, asked.name, asked.target), note)
    size = sizes.shared(engine.memory, shm)
    _warn(note, sizes.scarce(size, engine.memory))
    return Node(
        image=image,
        folder=str(Path.cwd()),
        shm=size,
        ports=wanted,
        command=tuple(asked.command),
        keep=asked.keep or "",
        gpus=asked.gpus,
        ray=asked.ray,
        detach=asked.detach,
        terminal=asked.terminal,
        settled=_settled(asked, wanted),
    )


def _settled(asked: AskedNode, wanted: Mapping[int, int]) -> tuple[str, ...]:
    """The flags that a container which is kept heeds only when it is made. An image that is named
    is looked at by itself."""
    return (
        *(f"--port {here}:{there}" for there, here in wanted.items()),
        *([f"--shm-size {asked.shm_size}"] if asked.shm_size else []),
        *([f"--target {asked.target}"] if asked.target and asked.name is None else []),
        *(["--gpus"] if asked.gpus else []),
        *(["--start-ray"] if asked.ray else []),
    )


def local(settings: Settings, asked: AskedCluster, note: Note) -> Local:
    """The cluster that is asked for, its images in the engine.

    Raises:
        ConfigError: the call is wrong, there is no such cell, or head and workers do not fit.
        ClusterError: its name or a port is taken, an image could not be pulled, or is not for this
            engine.
        MachineError: there is no usable engine, or not enough memory.
    """
    _check(asked)
    wanted = ports.of_cluster(asked.ports)
    memory = sizes.parse(asked.memory, "--memory") if asked.memory else None
    shm = sizes.parse(asked.shm_size, "--shm-size") if asked.shm_size else None
    engine = Engine.connect()
    size = sizes.sized(engine.memory, engine.cores, asked.workers, memory, shm)
    others = clusters()
    # Before anything is pulled or built. Whether there will be a Grafana is not known yet.
    shown = ("dashboard", "prometheus") if asked.monitoring else ("dashboard",)
    require_room(others, asked.name, {name: wanted[name] for name in shown})
    _warn(note, sizes.scarce(size.shm, size.memory))
    _warn(note, _crowded(engine, asked.workers, size, others))
    head = choose(settings, engine, asked.head or asked.cell, asked.target)
    worker = choose(settings, engine, asked.worker, asked.target) if asked.worker else head
    if head != worker:
        _require_alike(settings, head, worker, note)
    had = {one: present(settings, engine, one, note) for one in dict.fromkeys((head, worker))}
    images = [had[head], had[worker]]
    if head != worker:
        _require_same_versions(head, worker, images)
    return Local(
        engine=engine,
        spec=Spec(
            name=asked.name,
            head=head.name,
            worker=worker.name,
            head_image=images[0],
            worker_image=images[1],
            head_gpus=head != worker and _gpu(head, note),
            worker_gpus=_gpu(worker, note),
            workers=asked.workers,
            sizes=size,
            ports=wanted,
            prometheus=_prometheus(engine, images[0], note) if asked.monitoring else "",
            grafana=monitoring.grafana(engine, note) if asked.monitoring else "",
        ),
        definitions=DEFINITIONS,
        state=state_of(settings, asked.name),
        lock=_lock_of(settings, asked.name),
    )


def again(settings: Settings, there: Found, workers: int, note: Note) -> Local:
    """A cluster that is there, to be given so many workers.

    Raises:
        ClusterError: nothing of it tells what it was started with.
        ConfigError: nothing could run in it any more.
    """
    if there.spec is None:
        raise ClusterError(
            f"nothing is left of cluster {there.name} that tells what it is",
            todo=f"`invoke cluster.down --name {there.name}`, and start it anew",
        )
    if there.spec.workers and not workers:
        raise ConfigError(
            "its head has no CPUs, since it was started with workers: without them nothing can run",
            where=f"cluster {there.name}",
            todo="keep one worker; or take it down, and start a head alone: --workers 0",
        )
    engine = Engine.connect()
    others = [one for one in clusters() if one.name != there.name]
    _warn(note, _crowded(engine, workers, there.spec.sizes, others))
    return Local(
        engine=engine,
        spec=there.spec,
        definitions=DEFINITIONS,
        state=state_of(settings, there.name),
        lock=_lock_of(settings, there.name),
    )


def _check(asked: AskedCluster) -> None:
    check_name(asked.name)
    count(str(asked.workers))
    if (asked.head is None) != (asked.worker is None) or (asked.head and asked.cell):
        raise ConfigError(
            "--head and --worker go together, in place of --cell",
            todo="write --cell CELL, or --head CELL --worker CELL",
        )


def _crowded(engine: Engine, workers: int, size: Sizes, others: Iterable[Found]) -> str:
    held = sum(one.memory for one in others)
    return sizes.crowded(engine.memory, workers + 1, size.memory, held)


def _warn(note: Note, warning: str) -> None:
    if warning:
        note(f"warning: {warning}")


def count(text: str | None) -> int:
    """A number of workers, as typed.

    Raises:
        ConfigError: it is none.
    """
    number = int(text) if text and _COUNT.fullmatch(text) else _MOST_WORKERS + 1
    if number > _MOST_WORKERS:
        raise ConfigError(
            f"{text!r} is no number of workers" if text else "how many workers?",
            todo=f"write a number from 0 to {_MOST_WORKERS}",
        )
    return number


def down(settings: Settings, name: str | None) -> tuple[str, ...]:
    """Take a cluster down, and remove what was made for its monitoring, once nothing uses that;
    returns what was removed.

    Raises:
        ClusterError: there is no such cluster.
        MachineError: the engine does not answer, or refused.
    """
    there = one(name)
    engine = Engine.connect()
    removed = remove(engine, there.name, state_of(settings, there.name))
    if not clusters():
        monitoring.forget(engine)
    return removed


def state_of(settings: Settings, name: str) -> Path:
    """The folder of what belongs to a cluster, and to this user alone."""
    return settings.state / "clusters" / name


def _lock_of(settings: Settings, name: str) -> Path:
    """Of the machine, as the engine is: another checkout may want a cluster of this name."""
    return settings.cache / "clusters" / f"{name}.lock"


def _gpu(chosen: Chosen, note: Note) -> bool:
    """Whether its nodes get a GPU each: where the engine has none to give, that is said."""
    if chosen.build is None or chosen.build.cell.device != "gpu":
        return False
    if not nvidia_runtime():
        note(f"warning: {chosen.name} is for GPUs, and this engine has no NVIDIA runtime")
        return False
    return True


def _require_alike(settings: Settings, head: Chosen, worker: Chosen, note: Note) -> None:
    """What cells tell of two that shall work together, before anything is pulled."""
    if head.build is None or worker.build is None:
        return
    one, other = head.build.cell, worker.build.cell
    both = (("Ray", one.ray, other.ray), ("Python", one.python, other.python))
    _refuse([differing(*words) for words in both if words[1] != words[2]])
    pairs = [pair.builds for pair in load(settings).pairs]
    if (head.build, worker.build) not in pairs:
        note(
            f"warning: {head.name} and {worker.name} are in no cohort of matrix.yaml together:"
            " nobody has verified that they work with each other"
        )


def _require_same_versions(head: Chosen, worker: Chosen, images: Sequence[str]) -> None:
    """Ray compares Python at the patch level, which cells do not tell."""
    (ray, python), (other_ray, other_python) = (
        _versions(image, one.name) for image, one in zip(images, (head, worker), strict=True)
    )
    both = (("Ray", ray, other_ray), ("Python", python, other_python))
    _refuse([differing(*words) for words in both if words[1] != words[2]])


def _refuse(differences: Sequence[str]) -> None:
    if differences:
        raise ConfigError(
            "they cannot be one cluster: " + "; ".join(differences),
            todo="choose cells that differ in device or RLlib alone (docs/cohorts.md)",
        )


def _versions(image: str, name: str) -> tuple[str, str]:
    argv = ["docker", "run", "--rm", "--network=none", "--entrypoint=python", image]
    try:
        ray, python = json.loads(process.run([*argv, "-c", _VERSIONS], timeout=_SECONDS).stdout)
    except (ProcessFailed, ValueError) as error:
        raise ClusterError(
            "it does not say which Ray and Python it has",
            where=name,
            todo="see that it is an image with Ray",
            detail=error.completed.tail if isinstance(error, ProcessFailed) else (),
        ) from error
    return str(ray), str(python)


def _prometheus(engine: Engine, parent: str, note: Note) -> str:
    sources = host_sources()
    return monitoring.prometheus(
        engine,
        parent,
        DEFINITIONS / "prometheus.Dockerfile",
        monitoring.Sources(apt=sources.apt_script(), ca=sources.ca),
        note,
    )
