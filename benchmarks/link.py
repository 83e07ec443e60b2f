"""Links as slow as those of a cloud's nodes, by Linux's own queues (`tc`): from a registry on this
machine, and to each container. On one machine all that is near is as quick as memory.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory import process
from factory.errors import MachineError

_DEVICES = Path("/sys/class/net")
_HANDLE = "f1c0:"
_BURST = "512kb"
"""Of a bucket: larger than what the kernel hands on at once, which is 64 KiB."""

_WATCH_SECONDS = 0.05
_NONE = "noqueue"
"""How `tc` shows a device without a queue, as the loopback device is."""


@contextmanager
def limited(port: int, mbits: int) -> Iterator[None]:
    """For a ``with`` block: what comes from a port of the loopback device, all of it together, and
    what goes to a container that is started meanwhile, to each, comes at ``mbits`` megabits a
    second. A block that was killed leaves the queue of that port, until the next one.

    Raises:
        MachineError: there is no `tc`, or no root; somebody else's queue is in the way; or this
            kernel has no such queues.
    """
    _require_room()
    stop = threading.Event()
    watch = threading.Thread(target=_watch, args=(stop, mbits, _ends()), daemon=True)
    try:
        _slow_down(port, mbits)
        watch.start()
        yield
    finally:
        stop.set()
        if watch.is_alive():
            watch.join()
        _tc("qdisc", "del", "dev", "lo", "root", check=False)


def _require_room() -> None:
    """And take away what a killed bench left: a queue of this kind cannot be replaced."""
    if process.find_tool("tc") is None:
        raise MachineError("there is no `tc`", todo="install iproute2")
    if os.geteuid() != 0:
        raise MachineError("`tc` needs root")
    shown = process.run(["tc", "qdisc", "show", "dev", "lo"], check=False).stdout
    if _HANDLE in shown:
        _tc("qdisc", "del", "dev", "lo", "root")
    elif _NONE not in shown:
        raise MachineError("the loopback device has a queue of somebody else's", detail=[shown])


def _slow_down(port: int, mbits: int) -> None:
    rate = ["htb", "rate", f"{mbits}mbit", "burst", _BURST]
    of_port = ["u32", "match", "ip", "sport", str(port), "0xffff", "flowid", f"{_HANDLE}1"]
    _tc("qdisc", "add", "dev", "lo", "root", "handle", _HANDLE, "htb")
    _tc("class", "add", "dev", "lo", "parent", _HANDLE, "classid", f"{_HANDLE}1", *rate)
    _tc("filter", "add", "dev", "lo", "parent", _HANDLE, "protocol", "ip", *of_port)


def _watch(stop: threading.Event, mbits: int, known: set[str]) -> None:
    """Each end of a container's link as it appears. One that is gone again needs no queue."""
    while not stop.wait(_WATCH_SECONDS):
        for device in _ends() - known:
            known.add(device)
            rate = ["rate", f"{mbits}mbit", "burst", _BURST, "latency", "100ms"]
            _tc("qdisc", "replace", "dev", device, "root", "tbf", *rate, check=False)


def _ends() -> set[str]:
    """Ours of the links to containers."""
    return {it.name for it in _DEVICES.iterdir() if it.name.startswith("veth")}


def _tc(*words: str, check: bool = True) -> None:
    done = process.run(["tc", *words], check=False, shielded=not check, timeout=30)
    if check and done.code:
        raise MachineError("this machine cannot slow a link down", detail=done.tail)
