"""How a call that runs an image may be wrong, and what the user is told."""

from __future__ import annotations

from tests.bad_input.spoiling import Case, nothing

_CELL = ("--name", "2.60.0-py311-cpu")


def _case(id: str, args: tuple[str, ...], *says: str, code: int = 2, real: bool = False) -> Case:
    no_engine = {"DOCKER_HOST": "unix:///nonexistent.sock"}
    return Case(id=id, spoil=nothing, args=args, says=says, code=code, env=no_engine, real=real)


def _up(id: str, *args: str, says: tuple[str, ...], real: bool = False) -> Case:
    return _case(id, ("cluster.up", *args), *says, real=real)


LAUNCHING = [
    _case(
        "shared memory that is no size",
        ("run", "2.60.0-py311-cpu", "--shm-size", "lots"),
        "--shm-size 'lots' is no size",
        "10G or 512m",
        real=True,
    ),
    _case(
        "shared memory that is too small for Ray",
        ("run", *_CELL, "--shm-size", "1m"),
        "is less than the 128 MiB",
    ),
    _case(
        "a port without a number",
        ("run", *_CELL, "--port", "dashbord"),
        "--port 'dashbord' is no port",
        "dashboard, grafana, prometheus, gcs",
    ),
    _case(
        "a port for everybody",
        ("run", "2.60.0-py311-cpu", "--port", "0.0.0.0:80:80"),
        "is no port",
        real=True,
    ),
    _case(
        "one port for two",
        ("run", *_CELL, "--port", "dashboard", "--port", "8265:80"),
        "wants a port that another --port has",
    ),
    _case(
        "a container's name that is a flag", ("run", *_CELL, "--keep=-v"), "--keep '-v' is no name"
    ),
    _case("a node without an engine", ("run", *_CELL), "no Docker engine answers", code=7),
    _up("a cluster's name with a slash", "--name", "a/b", says=("'a/b' is no name", "31 at most")),
    _up(
        "a head without workers' image",
        "--head",
        "2.60.0-py311-cpu",
        says=("--head and --worker go together",),
        real=True,
    ),
    _up("fewer than no workers", "--workers=-1", says=("'-1' is no number of workers", "0 to 64")),
    _up("workers without end", "--workers", "1000", says=("'1000' is no number of workers",)),
    _up(
        "a port that no cluster shows",
        "--port",
        "6379:gcs",
        says=("is no port of a cluster's", "9001:prometheus"),
    ),
    _up(
        "two ports of a cluster that are one",
        "--port",
        "9000",
        says=("two of the ports are the same",),
    ),
    _up(
        "nodes with no memory to speak of",
        "--memory",
        "12",
        says=("--memory '12' is less than", "such as --memory 2G"),
    ),
    _case(
        "an unknown form of a cluster's status",
        ("cluster.status", "--format", "yaml"),
        "--format 'yaml' is not known",
        real=True,
    ),
    _case("a copy to nowhere", ("cluster.cp", "a"), "copy what, and where to?", real=True),
]
