"""Working with a cluster that is there: a job, a shell, files, logs."""

from __future__ import annotations

import io
import os
import secrets
import shlex
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from factory import process
from factory.cluster import owning
from factory.cluster.found import Found, Place
from factory.cluster.local import script
from factory.cluster.plan import place_of, streams
from factory.cluster.sizes import MIB, shown
from factory.errors import ClusterError, ConfigError
from factory.process import ProcessFailed

LEFT_OUT = frozenset((".git", ".factory", ".venv", "__pycache__", "node_modules", ".mypy_cache"))
MOST = 256 * MIB
"""Of a folder that goes with a job: what a person means is code. Ray itself takes twice as much."""

_SECONDS = 300.0


def submit(there: Found, folder: Path, command: Sequence[str]) -> int:
    """Run a command as a job of the cluster's, in a copy of a folder; what it says goes to standard
    output, as it says it. Ctrl-C stops it. Returns its exit code.

    Raises:
        ConfigError: there is no command, or the folder is too large.
        ClusterError: the head does not run, or took no copy.
    """
    if not command:
        raise ConfigError(
            "submit what?", todo="write the command after --: `cluster.submit -- python job.py`"
        )
    head = _running(there, "head")
    inside = _copy(head, folder)
    job = f"job-{secrets.token_hex(6)}"
    argv = ["docker", "exec", head.container, "python", "-c", script("submit").decode()]
    ended = False
    try:
        code = process.attached([*argv, job, inside, shlex.join(command)])
        ended = code < 128
        return code
    finally:
        if not ended:
            _stop(head, job)


def _copy(head: Place, folder: Path) -> str:
    enter = ["docker", "exec", "--interactive", head.container]
    try:
        done = process.run(
            [*enter, "python", "-I", "-c", script("unpack").decode()],
            stdin=packed(folder),
            timeout=_SECONDS,
        )
    except ProcessFailed as failure:
        raise ClusterError(
            "the folder could not be copied to the head",
            where=str(folder),
            todo="see that the head's disk has room",
            detail=failure.completed.tail,
        ) from failure
    return done.stdout.strip()


def _stop(head: Place, job: str) -> None:
    argv = ["docker", "exec", head.container, "ray", "job", "stop", "--no-wait"]
    address = ["--address", "http://127.0.0.1:8265"]
    process.run([*argv, *address, job], timeout=_SECONDS, check=False, shielded=True)


def packed(folder: Path) -> bytes:
    """A tar archive of a folder's files, without what no job reads.

    Raises:
        ConfigError: they are too many bytes.
    """
    buffer = io.BytesIO()
    total = 0
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        for path in _files(folder):
            total += path.stat().st_size
            if total > MOST:
                raise ConfigError(
                    f"more than {shown(MOST)} would go with the job",
                    where=str(folder),
                    todo="submit from a folder that has the code alone; bring data with"
                    " `invoke cluster.cp`",
                )
            archive.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False)
    return buffer.getvalue()


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder, followlinks=True):
        there = sorted(set(folders) - LEFT_OUT)
        folders[:] = [name for name in there if not _leads_back(Path(where, name))]
        paths = (Path(where, name) for name in sorted(files))
        yield from (path for path in paths if path.is_file())


def _leads_back(folder: Path) -> bool:
    """Whether it is a link to a folder that it is in: who follows it comes by again and again."""
    return folder.is_symlink() and folder.resolve() in {one.resolve() for one in folder.parents}


def shell(there: Found, node: str, command: Sequence[str], terminal: bool) -> int:
    """Enter a node, or run a command on it; returns the exit code.

    Raises:
        ClusterError: there is no such node, or it does not run.
    """
    place = _running(there, node)
    argv = ["docker", "exec", *streams(terminal), place.container, *(command or ("bash",))]
    return process.attached(argv)


def copy(there: Found, source: str, destination: str) -> str:
    """Copy between here and a node (``head:path``); returns what was done. On a node it belongs to
    the user whom that runs as; where it does not run, it is root's.

    Raises:
        ConfigError: not exactly one of them is on a node.
        ClusterError: there is no such node, or the engine could not.
    """
    nodes = [place.node for place in there.places]
    ends = [place_of(text, nodes) for text in (source, destination)]
    if bool(ends[0][0]) == bool(ends[1][0]):
        raise ConfigError(
            "one of the two has to be on a node, and the other here",
            where=f"{source} → {destination}",
            todo="write it as NODE:PATH, such as head:/home/ray/result.csv",
        )
    words = [f"{there.place(node).container}:{path}" if node else path for node, path in ends]
    node, path = ends[1]
    place = there.place(node) if node else None
    target = owning.target(place, source, path) if place and place.running else ""
    try:
        process.run(["docker", "cp", *words], timeout=None)
    except ProcessFailed as failure:
        raise ClusterError(
            "it could not be copied",
            where=f"{source} → {destination}",
            todo="see that the path is there",
            detail=failure.completed.tail,
        ) from failure
    if place and target:
        owning.hand_over(place, source, target)
    roots = f"; it is root's there, since {node} does not run" if place and not target else ""
    return f"copied {source} to {destination}{roots}"


def logs(there: Found, node: str | None, *, follow: bool, tail: int) -> int:
    """Show what a node's processes print, or all nodes', one after another.

    Raises:
        ConfigError: several would be followed.
        ClusterError: there is no such node.
    """
    if follow and node is None:
        raise ConfigError("--follow needs a node", todo="name one, such as head")
    places = [there.place(node)] if node else there.places
    code = 0
    for place in places:
        if node is None:
            print(f"== {place.node}", flush=True)
        more = ["--follow"] if follow else []
        code = process.attached(["docker", "logs", *more, f"--tail={tail}", place.container])
    return code


def _running(there: Found, node: str) -> Place:
    place = there.place(node)
    if not place.running:
        raise ClusterError(
            f"{node} does not run: it is {place.state}",
            where=f"cluster {there.name}",
            todo=f"`invoke cluster.logs {node}` tells why",
        )
    return place
