"""How much memory what runs here may have: bytes from what people type, and shares of RAM."""

from __future__ import annotations

import re
from dataclasses import dataclass

from factory.errors import ConfigError, MachineError

SHARE = 0.3
"""Of memory, what Ray advises for shared memory, where its object store lives:
https://docs.ray.io/en/latest/ray-core/scheduling/memory-management.html"""

KIB, MIB, GIB = 2**10, 2**20, 2**30
_UNITS = {"": 1, "k": KIB, "m": MIB, "g": GIB}
_SIZE = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,3}))?([kmg]?)(?:i?b)?", re.ASCII | re.IGNORECASE)
_LEAST_SHM = 128 * MIB
_LEAST_NODE = 1536 * MIB
"""Of a node's memory: an idle worker takes 0.6 GiB of it, and a head nearly 1.2."""

_MOST_NODE = 8 * GIB
_RESERVED = 1 * GIB
_STORE = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """What each node of a cluster may have.

    Attributes:
        memory: of all that it does, shared memory included, in bytes.
        shm: of shared memory, in bytes.
        cpus: what each worker tells Ray that it has.
    """

    memory: int
    shm: int
    cpus: int

    @property
    def store(self) -> int:
        """Of Ray's object store, in bytes: it has to fit into shared memory."""
        return store_of(self.shm)


def store_of(shm: int) -> int:
    """The object store that fits into so much shared memory, both in bytes."""
    return int(shm * _STORE)


def parse(text: str, flag: str) -> int:
    """Bytes, from such as ``10G``, ``512m`` or ``1.5GiB``; units are powers of 1024.

    Raises:
        ConfigError: it is no size, or of less than would do.
    """
    found = _SIZE.fullmatch(text)
    if not found:
        raise ConfigError(f"{flag} {text!r} is no size", todo=f"write it as {flag} 10G or 512m")
    whole, fraction, unit = found.groups()
    size = int(float(f"{whole}.{fraction or 0}") * _UNITS[unit.lower()])
    if size < _LEAST_SHM:
        raise ConfigError(
            f"{flag} {text!r} is less than the {shown(_LEAST_SHM)} that Ray can begin with",
            todo=f"write more, such as {flag} 2G",
        )
    return size


def shared(ram: int, asked: int | None) -> int:
    """The shared memory of one node that has the engine to itself, in bytes.

    Raises:
        MachineError: more is asked for than there is.
    """
    if asked is not None and ram and asked > ram:
        raise MachineError(
            f"{shown(asked)} of shared memory is more than the engine's {shown(ram)} of memory",
            todo=f"ask for less, such as --shm-size {_typed(int(ram * SHARE))}, or give"
            " the engine more (Docker Desktop: Settings, Resources)",
        )
    return asked if asked is not None else max(int(ram * SHARE), _LEAST_SHM)


def scarce(shm: int, ram: int) -> str:
    """What to warn of where shared memory is under the advised share; empty if it is not."""
    if shm >= int(ram * SHARE):
        return ""
    return (
        f"shared memory is {shown(shm)}, under 30 % of the memory ({shown(ram)}):"
        " Ray's object store will be small, and spill to disk sooner"
    )


def sized(ram: int, cores: int, workers: int, memory: int | None, shm: int | None) -> Sizes:
    """What each of a head and ``workers`` may have on an engine of so much memory and so many
    cores.

    Raises:
        MachineError: there is not enough memory for so many nodes.
        ConfigError: a node would get less memory than it needs, or more shared memory than memory.
    """
    if memory is not None and memory < _LEAST_NODE:
        raise ConfigError(
            f"--memory {_typed(memory)} is less than the {shown(_LEAST_NODE)} that a node needs",
            todo="write more, such as --memory 2G, or leave it out: memory is shared out evenly",
        )
    nodes = workers + 1
    room = max(ram - _RESERVED, 0)
    each = min(room // nodes, _MOST_NODE) if memory is None else memory
    if each < _LEAST_NODE or each * nodes > ram:
        raise MachineError(
            f"{nodes} nodes of {shown(max(each, _LEAST_NODE))} do not fit into the engine's"
            f" {shown(ram)} of memory",
            todo=_remedy(room, nodes, memory),
        )
    part = int(each * SHARE) if shm is None else shm
    if part > each:
        raise ConfigError(
            f"{shown(part)} of shared memory is more than a node's {shown(each)} of memory",
            todo="ask for less with --shm-size, or for more with --memory",
        )
    return Sizes(memory=each, shm=part, cpus=max(cores // max(workers, 1), 1))


def _remedy(room: int, nodes: int, memory: int | None) -> str:
    """What to do where so many nodes do not fit into the room for them."""
    most = room // (memory or _LEAST_NODE) - 1
    fits = room // nodes
    ways = [f"say --workers {most}"] if most > 0 else []
    if memory is not None and fits >= _LEAST_NODE:
        ways.append(f"ask for less, such as --memory {_typed(min(fits, _MOST_NODE))}")
    elif memory is not None and most <= 0:
        ways.append("ask for less --memory and fewer --workers")
    ways.append("give the engine more memory (Docker Desktop: Settings, Resources)")
    return ", or ".join(ways)


def crowded(ram: int, nodes: int, memory: int, held: int) -> str:
    """What to warn of where so many nodes may take more than there is; empty if they may not.

    Args:
        held: what others may take, in bytes.
    """
    if nodes * memory + held <= ram:
        return ""
    others = f", other clusters {shown(held)}" if held else ""
    return (
        f"{nodes} nodes may take {shown(memory)} each{others}, and the engine has {shown(ram)}:"
        " if all do, the kernel ends one of them"
    )


def shown(size: int) -> str:
    """For people, such as ``7.1 GiB``."""
    if size >= GIB:
        return f"{size / GIB:.1f} GiB"
    return f"{size / MIB:.0f} MiB"


def _typed(size: int) -> str:
    """As a flag takes it. A small one is not cut down to whole GiB, which could halve it."""
    return f"{size // GIB}G" if size >= 2 * GIB else f"{size // MIB}m"
