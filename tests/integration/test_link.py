"""Links are made slow by this kernel's own queues, for a port and for what is linked meanwhile."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from benchmarks import link
from factory import process

pytestmark = pytest.mark.skipif(
    process.find_tool("tc") is None or os.geteuid() != 0, reason="no `tc`, or no root"
)
SENT = 10**6


def tc(*words: str) -> str:
    return subprocess.run(["tc", *words], check=True, capture_output=True, text=True).stdout


def through_the_queue() -> int:
    shown = re.search(r"Sent (\d+) bytes", tc("-s", "class", "show", "dev", "lo"))
    return int(shown[1]) if shown else 0


@contextmanager
def sender() -> Iterator[int]:
    """The port of something that sends ``SENT`` bytes to whoever comes first."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def send() -> None:
            with closing(server.accept()[0]) as peer:
                peer.sendall(bytes(SENT))

        thread = threading.Thread(target=send)
        thread.start()
        yield server.getsockname()[1]
        thread.join(30)


def fetch(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as peer:
        while peer.recv(65536):
            pass


@pytest.mark.parametrize("left", [False, True], ids=["", "after-a-killed-bench"])
def test_what_comes_from_the_port_goes_through_the_queue_and_nothing_else_does(left: bool) -> None:
    if left:
        link._slow_down(1, 1)
    with sender() as slow, sender() as other, link.limited(slow, 500):
        fetch(other)
        assert through_the_queue() == 0
        fetch(slow)
        assert through_the_queue() >= SENT
    assert "htb" not in tc("qdisc", "show", "dev", "lo")


def test_what_is_linked_meanwhile_is_slow() -> None:
    name = f"veth{os.getpid()}"
    with link.limited(1, 500):
        subprocess.run(["ip", "link", "add", name, "type", "veth"], check=True)
        try:
            deadline = time.monotonic() + 30
            while "tbf" not in (shown := tc("qdisc", "show", "dev", name)):
                assert time.monotonic() < deadline, shown
                time.sleep(0.05)
            assert "rate 500Mbit" in shown
        finally:
            subprocess.run(["ip", "link", "del", name], check=True)
