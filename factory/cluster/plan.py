"""What is asked of Docker for a node or a cluster: labels, variables, argument lists."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from factory.cluster.ports import LOOPBACK
from factory.cluster.sizes import Sizes, store_of
from factory.errors import ConfigError

LABEL = "io.ray-image-factory."
KIND, CLUSTER, SPEC = f"{LABEL}kind", f"{LABEL}cluster", f"{LABEL}spec"
NODE, LOCAL = "node", "local-cluster"
HOST = "/host"
TOKEN = "RAY_AUTH_TOKEN"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}", re.ASCII)
_START = (
    "ray start --head --disable-usage-stats --port=6379 --dashboard-host=0.0.0.0"
    ' --node-ip-address="$(hostname -i)" --metrics-export-port=8080 --object-store-memory={store}'
)
_IDLE = "exec sleep infinity"
_SEPARATOR = ", "


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One container to run.

    Attributes:
        image: what the engine runs.
        folder: of this machine, what it sees as ``/host``.
        shm: of shared memory, in bytes.
        ports: of the container to ports here.
        command: what to run in it; a shell if empty.
        keep: its name, if it is one that can be started again.
        gpus: whether it gets all GPUs.
        ray: whether a Ray head is started in it.
        detach: whether it goes on by itself.
        terminal: whether somebody sits at one.
        settled: flags, with their values, that say what a container is when it is made.
    """

    image: str
    folder: str
    shm: int
    ports: Mapping[int, int]
    command: tuple[str, ...] = ()
    keep: str = ""
    gpus: bool = False
    ray: bool = False
    detach: bool = False
    terminal: bool = False
    settled: tuple[str, ...] = ()

    def argv(self) -> list[str]:
        """For ``docker``. The token's value is in our environment, where no list of processes
        shows it."""
        lasting = ["--name", self.keep, "--detach"] if self.keep else ["--rm"]
        return [
            *("docker", "run", "--init", *lasting),
            *(["--detach"] if self.detach and not self.keep else []),
            *([] if self.keep else streams(self.terminal and not self.detach)),
            f"--label={KIND}={NODE}",
            *([f"--label={SPEC}={_SEPARATOR.join(self.settled)}"] if self.keep else []),
            f"--shm-size={self.shm}",
            f"--mount={_mount(self.folder)}",
            *(f"--publish={LOOPBACK}:{here}:{there}" for there, here in self.ports.items()),
            *(["--gpus=all"] if self.gpus else []),
            *(["--env=RAY_AUTH_MODE=token", f"--env={TOKEN}"] if self.ray else []),
            self.image,
            *self._main(),
        ]

    def unheeded(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The flags that do nothing, since a container with these labels was made without."""
        made = labels.get(SPEC, "").split(_SEPARATOR)
        return tuple(flag for flag in self.settled if flag not in made)

    def _main(self) -> list[str]:
        start = _START.format(store=store_of(self.shm))
        if self.keep or (self.detach and not self.command):
            # What is kept has nobody's shell as its life: each is one of several that come and go.
            return ["bash", "-c", f"exec {start} --block" if self.ray else _IDLE]
        command = self.command or ("bash",)
        if not self.ray:
            return [*command]
        return ["bash", "-c", f'{start} >/dev/null && exec "$@"', "run", *command]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What a local cluster is started with; each of its containers bears it as a label, so that it
    is known for as long as one of them is there.

    Attributes:
        name: people's.
        head, worker: what is run, as people call it.
        head_image, worker_image: likewise, as the engine takes it.
        head_gpus, worker_gpus: whether each such node has a GPU.
        workers: how many it was started with.
        sizes: of each node.
        ports: here, by name.
        prometheus, grafana: their images; empty for none.
    """

    name: str
    head: str
    worker: str
    head_image: str
    worker_image: str
    head_gpus: bool = False
    worker_gpus: bool = False
    workers: int
    sizes: Sizes
    ports: Mapping[str, int]
    prometheus: str = ""
    grafana: str = ""

    @property
    def project(self) -> str:
        """Compose's name for it."""
        return project_of(self.name)

    @property
    def files(self) -> tuple[str, ...]:
        """The definitions that it takes, below ``compose/``."""
        return (
            "local.yaml",
            *(["gpu-head.yaml"] if self.head_gpus else []),
            *(["gpu.yaml"] if self.worker_gpus else []),
            *(["prometheus.yaml"] if self.prometheus else []),
            *(["grafana.yaml"] if self.grafana else []),
        )

    def variables(self, token: str) -> dict[str, str]:
        """All that the definitions are filled with."""
        here = f"http://{LOOPBACK}:{self.ports['grafana']}"
        return {
            "DOCKER_DEFAULT_PLATFORM": "",
            "CLUSTER": self.name,
            "SPEC": self.text(),
            TOKEN: token,
            "HEAD_IMAGE": self.head_image,
            "WORKER_IMAGE": self.worker_image,
            "SHM_SIZE": str(self.sizes.shm),
            "NODE_MEMORY": str(self.sizes.memory),
            "OBJECT_STORE_BYTES": str(self.sizes.store),
            # A head that works is one that dies of it: it has CPUs only where nobody else has.
            "HEAD_CPUS": "0" if self.workers else str(self.sizes.cpus),
            "WORKER_CPUS": str(self.sizes.cpus),
            "HEAD_GPUS": str(int(self.head_gpus)),
            "WORKER_GPUS": str(int(self.worker_gpus)),
            "DASHBOARD_PORT": str(self.ports["dashboard"]),
            "PROMETHEUS_PORT": str(self.ports["prometheus"]),
            "GRAFANA_PORT": str(self.ports["grafana"]),
            "PROMETHEUS_IMAGE": self.prometheus,
            "GRAFANA_IMAGE": self.grafana,
            "PROMETHEUS_URL": "http://prometheus:9090" if self.prometheus else "",
            "GRAFANA_URL": "http://grafana:3000" if self.grafana else "",
            "GRAFANA_IFRAME": here if self.grafana else "",
        }

    def text(self) -> str:
        """For the label."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def of(cls, text: str) -> Spec | None:
        """From a label; ``None`` if it is none that we wrote."""
        try:
            content = json.loads(text)
            return cls(**{**content, "sizes": Sizes(**content["sizes"])})
        except (ValueError, TypeError, KeyError):
            return None


def project_of(name: str) -> str:
    """What Compose calls a cluster: no name that somebody would give a project of their own."""
    return f"ray-factory-{name}"


def check_name(name: str) -> str:
    """A cluster's name, which becomes part of names of containers.

    Raises:
        ConfigError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"--name {name!r} is no name for a cluster",
            todo="use small letters, digits and hyphens, 31 at most",
        )
    return name


def streams(terminal: bool) -> list[str]:
    """How a container gets our standard streams: a terminal where somebody sits at one."""
    return ["--interactive", "--tty"] if terminal else ["--interactive"]


def _mount(folder: str) -> str:
    """A value of ``--mount``, which is a line of CSV: a path may have commas and quotes."""
    quoted = f"source={folder}".replace('"', '""')
    return f'type=bind,"{quoted}",target={HOST}'


def place_of(text: str, nodes: Sequence[str]) -> tuple[str, str]:
    """The node and the path of ``head:path``; of a path here the node is empty. A letter before a
    colon is a drive of Windows'."""
    node, colon, path = text.partition(":")
    return (node, path) if colon and (node in nodes or _looks_like_node(node)) else ("", text)


def _looks_like_node(word: str) -> bool:
    return word == "head" or re.fullmatch(r"worker-[0-9]+", word) is not None
