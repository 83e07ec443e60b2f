from __future__ import annotations

import time

import pytest

from benchmarks import machine
from benchmarks.measured import peak

STAT = "cpu  100 20 30 5000 400 5 6 70 90 0\ncpu0 50 10 15 2500 200 3 3 35 45 0\n"


def test_busy_is_neither_idle_nor_waiting_nor_stolen() -> None:
    assert machine._busy(STAT, 100) == (100 + 20 + 30 + 5 + 6) / 100


def test_work_makes_the_machine_busier() -> None:
    before = machine.busy_seconds()
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    assert machine.busy_seconds() - before >= 0.05


def test_the_peak_is_read_in_bytes() -> None:
    assert peak("Name:\tpython\nVmPeak:\t  999 kB\nVmHWM:\t   512 kB\n") == 512 * 1024


def test_a_status_without_a_peak_is_a_defect() -> None:
    with pytest.raises(ValueError, match="unpack"):
        peak("Name:\tpython\n")
