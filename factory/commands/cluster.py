"""``invoke run`` and ``invoke cluster.*``: parse, call, print, as ``tasks.py`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from factory.cli import (
    FORMAT_HELP,
    NamedTask,
    check_form,
    command,
    naming_command,
    on_terminal,
    settings_here,
    show,
    warn,
    words_after,
)

_NAME = "which cluster; may be left out where there is one"
_TARGET = "the target whose published image is taken; otherwise any that has it"
_SHM = "shared memory, such as 10G; otherwise 30 % of the memory"


@task(
    klass=NamedTask,
    positional=["name"],
    iterable=["port"],
    help={
        "name": "a cell, a build, or any image; otherwise the cell that `latest` names",
        "target": _TARGET,
        "shm-size": _SHM,
        "keep": "the name of a container that is kept, and can be started again",
        "port": "dashboard, grafana, prometheus, gcs, or HOST:CONTAINER (repeatable)",
        "gpus": "give it all GPUs",
        "detach": "leave it running, and come back at once",
        "start-ray": "start a Ray head in it",
    },
    auto_shortflags=False,
)
def run(
    _c: Context,
    name: str | None = None,
    target: str | None = None,
    shm_size: str | None = None,
    keep: str | None = None,
    port: Sequence[str] | None = None,
    gpus: bool = False,
    detach: bool = False,
    start_ray: bool = False,
) -> None:
    """Enter a container of a published image, or run what follows -- in it."""
    from factory import launching
    from factory.cluster import node

    asked = launching.AskedNode(
        name=name,
        target=target,
        shm_size=shm_size,
        keep=keep,
        ports=tuple(port or ()),
        gpus=gpus,
        detach=detach,
        ray=start_ray,
        command=words_after(),
        terminal=on_terminal(),
    )
    _end_with(node.run(launching.node(settings_here(), asked, warn), warn))


@task(
    klass=NamedTask,
    iterable=["port"],
    help={
        "cell": "the cell, build or image of all nodes",
        "head": "that of the head alone; with --worker",
        "worker": "that of the workers; with --head",
        "workers": "how many; 3 otherwise",
        "name": "what the cluster is called; `local` otherwise",
        "target": _TARGET,
        "port": "of the dashboard, here; or HOST:prometheus, HOST:grafana (repeatable)",
        "memory": "of each node, such as 4G; otherwise its share of the engine's",
        "shm-size": _SHM,
        "monitoring": "add Prometheus, and Grafana with Ray's dashboards",
        **FORMAT_HELP,
    },
    auto_shortflags=False,
)
def up(
    _c: Context,
    cell: str | None = None,
    head: str | None = None,
    worker: str | None = None,
    workers: int = 3,
    name: str = "local",
    target: str | None = None,
    port: Sequence[str] | None = None,
    memory: str | None = None,
    shm_size: str | None = None,
    monitoring: bool = False,
    format: str = "text",
) -> None:
    """Start a Ray cluster on this machine, and wait until all nodes have joined."""
    from factory import launching
    from factory.signals import terminable

    check_form(format)
    settings = settings_here()
    asked = launching.AskedCluster(
        cell=cell,
        head=head,
        worker=worker,
        workers=workers,
        name=name,
        target=target,
        ports=tuple(port or ()),
        memory=memory,
        shm_size=shm_size,
        monitoring=monitoring,
    )
    with terminable():
        there = launching.local(settings, asked, warn).up()
    _tell([there.name], format)


@command(name=f"{_NAME}; otherwise all", **FORMAT_HELP)
def status(_c: Context, name: str | None = None, format: str = "text") -> None:
    """Show local clusters: nodes, resources, addresses, and how to get in."""
    from factory.cluster import found

    check_form(format)
    names = [found.one(name).name] if name else [there.name for there in found.clusters()]
    _tell(names, format)


@naming_command("workers", workers="how many there shall be", name=_NAME, **FORMAT_HELP)
def scale(
    _c: Context, workers: str | None = None, name: str | None = None, format: str = "text"
) -> None:
    """Grow or shrink a local cluster."""
    from factory import launching
    from factory.cluster import found

    check_form(format)
    settings, there = settings_here(), found.one(name)
    number = launching.count(workers)
    launching.again(settings, there, number, warn).scale(there, number)
    _tell([there.name], format)


@command(name=_NAME)
def submit(_c: Context, name: str | None = None) -> None:
    """Run what follows -- as a job, in a copy of this folder."""
    from factory.cluster import found, work

    _end_with(work.submit(found.one(name), Path.cwd(), words_after()))


@naming_command("node", node="head (otherwise), worker-1, …", name=_NAME)
def shell(_c: Context, node: str | None = None, name: str | None = None) -> None:
    """Enter a node, or run what follows -- on it."""
    from factory.cluster import found, work

    _end_with(work.shell(found.one(name), node or "head", words_after(), on_terminal()))


@naming_command(
    "source",
    "destination",
    source="a path here, or NODE:PATH",
    destination="likewise; one of the two is on a node",
    name=_NAME,
)
def cp(
    _c: Context,
    source: str | None = None,
    destination: str | None = None,
    name: str | None = None,
) -> None:
    """Copy between this machine and a node (head:path)."""
    from factory.cluster import found, work
    from factory.errors import ConfigError

    if source is None or destination is None:
        raise ConfigError("copy what, and where to?", todo="write SOURCE DESTINATION")
    warn(work.copy(found.one(name), source, destination))


@naming_command(
    "node",
    node="head, worker-1, …; otherwise all",
    name=_NAME,
    follow="go on showing what comes",
    tail="how many lines of each; 100 otherwise",
)
def logs(
    _c: Context,
    node: str | None = None,
    name: str | None = None,
    follow: bool = False,
    tail: int = 100,
) -> None:
    """Show what nodes print."""
    from factory.cluster import found, work

    _end_with(work.logs(found.one(name), node, follow=follow, tail=tail))


@command(name=_NAME)
def down(_c: Context, name: str | None = None) -> None:
    """Remove a local cluster, whatever is left of it."""
    from factory import launching

    for line in launching.down(settings_here(), name):
        warn(f"removed {line}")


ns = Collection("cluster", up, status, scale, submit, shell, cp, logs, down)


def _tell(names: Sequence[str], form: str) -> None:
    from factory.cluster import found, local, telling

    told = [
        telling.Told(there=there, nodes=local.nodes_of(there) if there.head else ())
        for there in map(found.one, names)
    ]
    show(
        "\n\n".join(one.text() for one in told) or "no cluster runs here",
        lambda: [one.document() for one in told],
        form,
    )


def _end_with(code: int) -> None:
    if code:
        raise Exit(code=code)
