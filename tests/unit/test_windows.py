"""What is missing on Windows is not asked for by what runs there: `run` and `cluster.*`."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

import pytest

from factory import daemon, process
from factory.process import ProcessFailed
from factory.signals import terminable


@pytest.fixture(autouse=True)
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine, without what a Python on Windows lacks."""
    monkeypatch.delattr(signal, "SIGHUP")
    monkeypatch.delattr(os, "killpg")
    monkeypatch.delattr(socket, "AF_UNIX")


def test_being_told_to_end_is_heard() -> None:
    with terminable(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_a_program_that_runs_out_of_time_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(ProcessFailed, match="ran out of time"):
        process.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)
    assert time.monotonic() - started < 30


def test_the_engine_is_not_looked_for_at_a_socket() -> None:
    assert daemon.local_address({}) is None
