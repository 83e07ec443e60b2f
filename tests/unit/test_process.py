"""The gateway to other programs: nothing is lost, nothing hangs, nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from factory import process
from factory.errors import Interrupted, MachineError
from factory.process import ProcessFailed, run

PYTHON = sys.executable


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
    except (FileNotFoundError, ProcessLookupError):  # before, or while it was read
        return False


def has_ended(pid: int) -> bool:
    """Whether a program has ended or is about to: what was killed closes its files, by which its
    end is noticed, a moment before the kernel calls it dead."""
    deadline = time.monotonic() + 10  # those asked about would live for 60 s
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def wait_for(path: Path) -> int:
    """The pid that a child writes to a file."""
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < deadline, f"{path} was not written"
        time.sleep(0.02)
    return int(path.read_text())


def until_there(path: Path) -> str:
    """What a shell does until a test makes a file."""
    return f"while [ ! -e {path} ]; do sleep 0.02; done"


def test_both_streams_and_the_duration_come_back() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2"])
    assert (done.code, done.stdout, done.stderr) == (0, "out\n", "err\n")
    assert done.tail == ("out", "err")
    assert 0 < done.seconds < 30


def attached_by(script: str) -> subprocess.Popen[bytes]:
    """A process that runs a shell's script on its own standard streams."""
    code = "import sys; from factory.process import attached; sys.exit(attached(sys.argv[1:]))"
    return subprocess.Popen(
        [PYTHON, "-c", code, "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_an_attached_program_has_our_streams_and_its_code_is_ours() -> None:
    child = attached_by("read line; echo got $line; echo err >&2; exit 7")
    out, err = child.communicate(b"this\n", timeout=60)
    assert (child.returncode, out, err) == (7, b"got this\n", b"err\n")


def test_an_attached_program_that_a_signal_ends_is_told_as_a_shell_tells_it() -> None:
    child = attached_by("kill -TERM $$")
    child.communicate(timeout=60)
    assert child.returncode == 128 + 15


def test_an_interrupt_from_elsewhere_reaches_an_attached_program() -> None:
    child = attached_by("trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.1; done")
    assert child.stdout
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (out, child.returncode) == (b"told\n", 1)
    assert b"Interrupted: interrupted" in err, "whatever code it ends with"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_an_attached_program_is_being_started_reaches_it(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    class Signalled(subprocess.Popen[bytes]):
        def __init__(self, argv: list[str], env: dict[str, str]) -> None:
            super().__init__(argv, env=env)
            started.append(self)
            os.kill(os.getpid(), number)

    monkeypatch.setattr(subprocess, "Popen", Signalled)
    with pytest.raises(Interrupted):
        process.attached(["sleep", "600"])
    (child,) = started
    assert child.returncode == -signal.SIGTERM


def test_an_attached_program_that_is_missing_is_the_machines_lack() -> None:
    with pytest.raises(MachineError, match="`no-such-program` cannot be started"):
        process.attached(["no-such-program"])


def test_arguments_reach_no_shell() -> None:
    assert run(["printf", "%s|", "$(id)", "a b", "*", ";ls"]).stdout == "$(id)|a b|*|;ls|"


def test_a_failure_tells_code_and_last_lines() -> None:
    with pytest.raises(ProcessFailed, match="ended with 3") as raised:
        run(["sh", "-c", "echo why >&2; exit 3"])
    assert raised.value.completed.code == 3
    assert raised.value.completed.tail == ("why",)
    assert not raised.value.timed_out
    assert run(["sh", "-c", "exit 3"], check=False).code == 3


def test_a_program_that_is_missing_is_the_machines_lack() -> None:
    with pytest.raises(MachineError, match="`no-such-program` cannot be started"):
        run(["no-such-program"])


def test_so_is_one_that_cannot_be_executed(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("not executable")
    with pytest.raises(MachineError, match="cannot be started"):
        run([str(tmp_path / "tool")])


def test_a_missing_folder_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="there is no folder"):
        run(["true"], cwd=tmp_path / "none")


def test_much_output_on_both_streams_comes_whole() -> None:
    script = "import sys\nfor n in range(50_000): print(n); print(-n, file=sys.stderr)"
    done = run([PYTHON, "-c", script])
    assert done.stdout.count("\n") == done.stderr.count("\n") == 50_000
    assert len(done.tail) == process.TAIL_LINES


def test_of_a_flood_only_the_end_is_kept_and_of_a_long_line_the_beginning() -> None:
    heard: list[str] = []
    script = "print('a' * 5_000_000 + 'tail'); print('b\\n' * 5000, end=''); print('last')"
    done = run([PYTHON, "-c", script], keep=1000, on_line=heard.append)
    assert heard[0] == "a" * 1000
    assert len(heard) == 5002
    assert 900 < len(done.stdout) <= 1000
    assert done.tail[-1] == "last"


def test_binary_output_is_no_error() -> None:
    done = run([PYTHON, "-c", "import os; os.write(1, bytes(range(256)) * 100)"])
    assert "\ufffd" in done.stdout


def test_input_is_passed_and_closed() -> None:
    assert run(["cat"], stdin=b"x" * 1_000_000).stdout == "x" * 1_000_000
    assert run(["cat"]).stdout == ""


def test_input_that_nobody_reads_is_no_error() -> None:
    assert run(["true"], stdin=b"x" * 1_000_000).code == 0


def test_input_that_nobody_reads_does_not_outlast_the_timeout() -> None:
    started = time.monotonic()
    with pytest.raises(ProcessFailed, match="ran out of time"):
        run(["sleep", "60"], stdin=b"x" * 1_000_000, timeout=0.5)
    assert time.monotonic() - started < 50


def test_variables_come_on_top_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    assert run(["sh", "-c", "echo $OURS$THEIRS"], env={"THEIRS": "2"}).stdout == "12\n"


def test_lines_arrive_while_the_program_runs(tmp_path: Path) -> None:
    first = threading.Event()
    seen: list[str] = []

    def line(text: str) -> None:
        seen.append(text)
        first.set()

    script = f"echo a; {until_there(tmp_path / 'go')}; echo b >&2"
    worker = threading.Thread(target=run, args=(["sh", "-c", script],), kwargs={"on_line": line})
    worker.start()
    assert first.wait(60)
    assert seen == ["a"]
    (tmp_path / "go").touch()
    worker.join()
    assert seen == ["a", "b"]


def test_a_watcher_that_fails_does_not_stop_the_child_and_is_heard() -> None:
    def fail(_text: str) -> None:
        raise OSError("disk full")

    started = time.monotonic()
    with pytest.raises(OSError, match="disk full"):
        run(
            [PYTHON, "-c", "print('x' * 1000 + chr(10), end='' * 0); print('y' * 500_000)"],
            on_line=fail,
        )
    assert time.monotonic() - started < 50


def test_a_timeout_ends_the_whole_group(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ProcessFailed, match="ran out of time") as raised:
        run(
            ["sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; echo begun; wait"],
            timeout=3,  # a busy machine may take long to start two programs
        )
    assert raised.value.timed_out
    assert raised.value.completed.stdout == "begun\n"
    assert has_ended(wait_for(tmp_path / "pid"))
    assert time.monotonic() - started < 50


def test_even_what_ignores_being_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_GRACE_SECONDS", 0.5)
    script = f"(trap '' TERM; echo $$ > {tmp_path}/pid; sleep 60; sleep 60) & wait"
    with pytest.raises(ProcessFailed, match="ran out of time"):
        run(["sh", "-c", f"sh -c '{script}'"], timeout=3)
    assert has_ended(wait_for(tmp_path / "pid"))


def test_a_child_that_left_something_behind_does_not_hold_us_for_ever() -> None:
    started = time.monotonic()
    with pytest.raises(ProcessFailed, match="ran out of time"):
        run(["sh", "-c", "sleep 60 & exit 0"], timeout=1)
    assert time.monotonic() - started < 50


@pytest.mark.usefixtures("cancellable")
def test_an_interrupt_ends_children_and_refuses_new_ones(tmp_path: Path) -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            run(["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 60"])
        except Interrupted as error:
            raised.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    pid = wait_for(tmp_path / "pid")
    process.cancel_all()
    worker.join(60)
    assert not worker.is_alive()
    assert [type(error) for error in raised] == [Interrupted]
    assert has_ended(pid)
    assert process.is_cancelled()
    with pytest.raises(Interrupted):
        run(["touch", str(tmp_path / "never")])
    assert not (tmp_path / "never").exists()


@pytest.mark.usefixtures("cancellable")
def test_an_interrupt_leaves_shielded_children_alone(tmp_path: Path) -> None:
    results: list[str] = []
    script = f"echo $$ > {tmp_path}/pid; {until_there(tmp_path / 'go')}; echo cleaned up"
    worker = threading.Thread(
        target=lambda: results.append(run(["sh", "-c", script], shielded=True).stdout)
    )
    worker.start()
    wait_for(tmp_path / "pid")
    process.cancel_all()
    (tmp_path / "go").touch()
    worker.join(60)
    assert results == ["cleaned up\n"]
    assert run(["echo", "still"], shielded=True).stdout == "still\n"


@pytest.mark.usefixtures("cancellable")
def test_an_interrupted_child_that_stays_is_killed_after_a_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_GRACE_SECONDS", 0.5)
    script = f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done"

    def work() -> None:
        with pytest.raises(Interrupted):
            run(["sh", "-c", script])

    worker = threading.Thread(target=work)
    worker.start()
    pid = wait_for(tmp_path / "pid")
    process.cancel_all()
    worker.join(60)
    assert not worker.is_alive()
    assert has_ended(pid)


def test_children_are_out_of_reach_of_the_terminals_ctrl_c() -> None:
    script = "import os; print(os.getsid(0), os.getpgid(0), os.getpid())"
    session, group, pid = run([PYTHON, "-c", script]).stdout.split()
    assert session == group == pid
    assert int(session) != os.getsid(0)


def test_a_daemon_outlives_the_call_and_writes_its_log(tmp_path: Path) -> None:
    pid = process.daemon(["sh", "-c", "echo up; sleep 60"], log=tmp_path / "logs" / "daemon.log")
    try:
        deadline = time.monotonic() + 60
        while (tmp_path / "logs" / "daemon.log").read_text() != "up\n":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert alive(pid)
    finally:
        os.killpg(pid, 9)
    with pytest.raises(MachineError):
        process.daemon(["no-such-program"], log=tmp_path / "log")


def test_the_users_own_tool_goes_before_the_pinned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("own", "venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "tool").write_text("#!/bin/sh\n")
        (tmp_path / folder / "tool").chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setenv("PATH", f"{tmp_path}/venv/bin:{tmp_path}/own")
    assert process.find_tool("tool") == str(tmp_path / "own" / "tool")
    monkeypatch.setenv("PATH", f"{tmp_path}/venv/bin")
    assert process.find_tool("tool") == str(tmp_path / "venv" / "bin" / "tool")
    assert process.find_tool("no-such-program") is None
