"""How links are made slow, and that they are as before afterwards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import link
from factory.errors import MachineError
from factory.process import Completed


class Computer:
    """What `tc` is asked, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.shown = "qdisc noqueue 0: root refcnt 2"
        self.unknown = ""

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        words = " ".join(argv)
        self.asked.append(words)
        code = 2 if self.unknown and self.unknown in words else 0
        said = self.shown if "show" in argv else ""
        return Completed(argv=tuple(argv), code=code, stdout=said, stderr="", seconds=0.0)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Computer:
    found = Computer()
    (tmp_path / "veth0").touch()
    monkeypatch.setattr(link, "_DEVICES", tmp_path)
    monkeypatch.setattr("factory.process.run", found.run)
    monkeypatch.setattr("factory.process.find_tool", lambda _: "/sbin/tc")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return found


DELETED = "tc qdisc del dev lo root"


def test_the_port_and_every_container_that_starts_meanwhile_are_slow(
    machine: Computer, tmp_path: Path
) -> None:
    with link.limited(5000, 500):
        assert any("sport 5000" in it for it in machine.asked)
        assert any("class" in it and "rate 500mbit" in it for it in machine.asked)
        (tmp_path / "veth1").touch()
        (tmp_path / "eth1").touch()
        deadline = time.monotonic() + 10
        while not any("tbf" in it for it in machine.asked) and time.monotonic() < deadline:
            time.sleep(0.01)
    slow = [it for it in machine.asked if "tbf" in it]
    assert len(slow) == 1
    assert "dev veth1 " in slow[0]
    assert "rate 500mbit" in slow[0]
    assert machine.asked[-1] == DELETED


def test_all_is_as_before_though_it_broke_off(machine: Computer) -> None:
    with pytest.raises(ZeroDivisionError), link.limited(5000, 500):
        raise ZeroDivisionError
    assert machine.asked[-1] == DELETED


def test_a_kernel_without_such_queues_is_told_of_and_left_as_it_was(machine: Computer) -> None:
    machine.unknown = "u32"
    with pytest.raises(MachineError, match="slow a link down"), link.limited(5000, 500):
        pass
    assert machine.asked[-1] == DELETED


def test_what_a_killed_bench_left_goes_first(machine: Computer) -> None:
    machine.shown = "qdisc htb f1c0: root refcnt 2"
    with link.limited(5000, 500):
        pass
    assert machine.asked[1] == DELETED
    assert machine.asked[2].startswith("tc qdisc add dev lo root")


def test_somebody_elses_queue_is_left_alone(machine: Computer) -> None:
    machine.shown = "qdisc netem 8001: root refcnt 2 delay 10ms"
    with pytest.raises(MachineError, match="somebody else"), link.limited(5000, 500):
        pass
    assert len(machine.asked) == 1


@pytest.mark.parametrize(
    ("program", "user", "words"),
    [("/sbin/tc", 1000, "needs root"), (None, 0, "no `tc`")],
)
def test_it_takes_a_program_and_root(
    machine: Computer,
    monkeypatch: pytest.MonkeyPatch,
    program: str | None,
    user: int,
    words: str,
) -> None:
    monkeypatch.setattr("factory.process.find_tool", lambda _: program)
    monkeypatch.setattr("os.geteuid", lambda: user)
    with pytest.raises(MachineError, match=words), link.limited(5000, 500):
        pass
    assert not machine.asked
