"""How many clusters an engine holds at once. Pure."""

from __future__ import annotations

from factory.verify.smoke.suite import CONTRACT

NODE_BYTES = 3 * 2**30
"""What a node may take: the ``mem_limit`` of ``compose/cluster.yaml``. Counted with less, a node
could be ended for want of memory that its image is not to blame for."""

MOST = 16
"""Each cluster has a network, and an engine has addresses for 30 or so (``default-address-pools``),
of which others have some."""

RESERVE_BYTES = 2 * 2**30
"""What is left to the engine, to builds and to whatever else runs there."""


def clusters_at_once(*, memory: int, cores: int, nodes: int) -> int:
    """One for each core, as far as there is memory for all that their nodes may take, and 16 at
    most; one in any case, since a cluster that is larger than the engine may fit for all that it
    really takes.

    A cluster of three nodes keeps a core and a quarter busy on average, and waits in between: with
    one a core, two cores were busy nine tenths of the time, and one more took each of them longer.

    Args:
        memory: of the engine, in bytes.
        cores: of the engine.
        nodes: of a cluster, the head included.
    """
    room = (memory - RESERVE_BYTES) // (nodes * NODE_BYTES)
    return max(1, min(cores, room, MOST))


def nodes_of(suite: str, workers: int) -> int:
    """How many containers of this size a suite has at a time: the contract is asked of one."""
    return 1 if suite == CONTRACT else workers + 1
