"""The suite from outside a cluster: its registry, its interpreter, and how it travels.

A stand-in for Ray, which is always connected, lets the image's own checks run here.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.model import CheckStatus
from factory.verify import bundle
from factory.verify.bundle import PYTHON
from factory.verify.events import Transcript
from factory.verify.own_checks import OwnChecks
from factory.verify.selection import Selection
from factory.verify.smoke import own
from factory.verify.smoke.interpreter import Interpreter
from factory.verify.smoke.protocol import Expected, Result
from factory.verify.smoke.suite import COLD, SUITE, Spec

EXPECTED = Expected(nodes=3, ray="2.60.0", python="3.11")
FAKE_RAY = {
    "__init__.py": "def is_initialized():\n    return True\n",
    "cloudpickle.py": "def register_pickle_by_value(module):\n    pass\n",
}
CHECKS = """
import os
import sys
import time

LIMITS = {"check_hangs": 0.5, "check_sleeps_in_a_child": 0.5}

def check_passes():
    print("not shown")

def check_is_told(expected):
    assert (expected.nodes, expected.ray, expected.python) == (3, "2.60.0", "3.11")

def check_asserts():
    print("the last thing before")
    assert 1 + 1 == 3, "one and one"

def check_asserts_without_a_word():
    total = 2
    assert total == 3

def check_hangs():
    time.sleep(60)

def check_sleeps_in_a_child():
    if os.fork() == 0:
        time.sleep(60)
    os._exit(3)

def check_floods():
    sys.stdout.write("x" * 50_000_000)
    raise ValueError("first line\\nsecond line")

def check_raises_a_flood():
    raise ValueError("x" * 50_000_000)

def check_reads_standard_input():
    assert sys.stdin.read() == ""

def check_asks_for_a_loss():
    from factory.verify.smoke.asking import ask_host
    ask_host("kill", "0123456789ab")
    ask_host("start", "0123456789ab")

def check_asks_and_dies():
    from factory.verify.smoke.asking import ask_host
    ask_host("kill", "0123456789ab")
    os._exit(3)

def check_closes_everything():
    os.closerange(3, 100)
    os.abort()
"""


def write_checks(folder: Path, *files: tuple[str, str]) -> tuple[Spec, ...]:
    """Lay out files of checks as the script does."""
    named = [(Path(name, "checks.py"), text.encode()) for name, text in files]
    checks = OwnChecks.of(named)
    for file in checks.files:
        path = folder / own.file_of(file.origin)
        path.parent.mkdir(parents=True)
        path.write_bytes(file.content)
    (folder / own.SPECS).write_bytes(own.listed(checks.specs))
    return checks.specs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ray").mkdir()
    for name, text in FAKE_RAY.items():
        (tmp_path / "ray" / name).write_text(text)
    write_checks(tmp_path, ("app", CHECKS))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    return tmp_path


@pytest.fixture
def interpreter(folder: Path) -> Iterator[Interpreter]:
    made = Interpreter(folder, EXPECTED)
    yield made
    made.close()


def spec_of(name: str) -> Spec:
    (spec,) = (spec for spec in own.discover(CHECKS, "0-app") if spec.name == f"own:{name}")
    return spec


def ask(interpreter: Interpreter, name: str) -> Result:
    return interpreter.ask(spec_of(name))


@pytest.mark.parametrize("name", ["passes", "is-told", "reads-standard-input"])
def test_a_check_passes_by_returning(interpreter: Interpreter, name: str) -> None:
    assert ask(interpreter, name) == Result("pass")


def test_a_check_that_raises_fails_with_its_message_and_what_it_printed(
    interpreter: Interpreter,
) -> None:
    result = ask(interpreter, "asserts")
    assert (result.status, result.reason) == ("fail", "AssertionError: one and one")
    assert "check_asserts" in " ".join(result.detail)
    assert result.detail[-2:] == ["it printed last:", "the last thing before"]


def test_a_bare_assert_is_told_by_its_place_and_line_without_frames_of_ours(
    interpreter: Interpreter,
) -> None:
    result = ask(interpreter, "asserts-without-a-word")
    number = CHECKS.splitlines().index("    assert total == 3") + 1
    assert result.reason == f"AssertionError at checks.py:{number}: assert total == 3"
    assert "session.py" not in " ".join(result.detail)
    assert "own.py" not in " ".join(result.detail)
    assert "in check_asserts_without_a_word" in " ".join(result.detail)


def test_a_check_that_hangs_fails_in_time_and_shows_where(interpreter: Interpreter) -> None:
    started = time.monotonic()
    result = ask(interpreter, "hangs")
    assert time.monotonic() - started < 50
    assert (result.status, result.reason) == ("fail", "it did not end within 0.5 s")
    assert "in check_hangs" in " ".join(result.detail)


def test_a_check_that_floods_is_kept_short(interpreter: Interpreter) -> None:
    result = ask(interpreter, "floods")
    assert result.reason == "ValueError: first line"
    assert sum(map(len, result.detail)) < 40_000


def test_a_check_that_raises_a_flood_is_kept_short(interpreter: Interpreter) -> None:
    result = ask(interpreter, "raises-a-flood")
    assert result.reason.startswith("ValueError: xxx")
    assert len(result.reason) + sum(map(len, result.detail)) < 40_000


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sleeps-in-a-child", "it ended the interpreter with exit code 3"),
        ("closes-everything", "it ended the interpreter by signal 6"),
    ],
)
def test_a_check_that_kills_the_interpreter_fails_and_the_next_one_runs(
    interpreter: Interpreter, name: str, reason: str
) -> None:
    result = ask(interpreter, name)
    assert (result.status, result.reason) == ("fail", reason)
    assert ask(interpreter, "passes") == Result("pass")


@pytest.mark.parametrize(
    ("name", "wants", "status"),
    [("asks-for-a-loss", ["kill", "start"], "pass"), ("asks-and-dies", ["kill"], "fail")],
)
def test_what_a_check_asks_for_is_passed_on_before_its_result(
    interpreter: Interpreter, name: str, wants: list[str], status: str
) -> None:
    heard: list[dict[str, str]] = []
    assert interpreter.ask(spec_of(name), heard.append).status == status
    assert heard == [{"ask": what, "host": "0123456789ab"} for what in wants]


def test_what_a_check_asks_for_is_no_result_of_it_where_nobody_listens(
    interpreter: Interpreter,
) -> None:
    assert ask(interpreter, "asks-for-a-loss") == Result("pass")
    assert ask(interpreter, "passes") == Result("pass")


def test_checks_of_two_files_run_apart_and_the_later_of_two_with_a_name_runs(
    tmp_path: Path, interpreter: Interpreter
) -> None:
    state = "seen = []\ndef check_alone():\n    assert not seen\n    seen.append(1)\n"
    parents = "def check_same():\n    raise ValueError('the parent')\n" + state
    childs = "def check_same():\n    raise ValueError('the child')\n"
    childs += state.replace("alone", "alone_too")
    shutil.rmtree(tmp_path / "own_checks")
    specs = write_checks(tmp_path, ("parent", parents), ("child", childs))
    results = {spec.name: interpreter.ask(spec) for spec in specs}
    assert {name: result.status for name, result in results.items()} == {
        "own:same": "fail",
        "own:alone": "pass",
        "own:alone-too": "pass",
    }
    assert results["own:same"].reason == "ValueError: the child"
    assert "1-child/checks.py" in " ".join(results["own:same"].detail)


def test_every_check_of_the_suite_has_a_function_and_a_distinct_name() -> None:
    assert all(callable(spec.function()) for spec in SUITE)
    assert len({spec.name for spec in SUITE}) == len(SUITE)


def test_every_check_needs_only_what_runs_before_it() -> None:
    for index, spec in enumerate(SUITE):
        assert set(spec.needs) <= {earlier.name for earlier in SUITE[:index]}


def test_only_what_has_to_do_with_workers_that_come_and_go_may_ask_for_any() -> None:
    asking = [spec.name for spec in SUITE if spec.asks and spec.level != COLD]
    assert asking == ["worker-loss"], "beside the suite that does nothing else"


def test_the_suite_is_python_3_9() -> None:
    for name, content in bundle.suite_files().items():
        ast.parse(content, name, feature_version=(3, 9))


def run_script(
    own_checks: bytes, folder: Path, **env: str
) -> tuple[Transcript, subprocess.CompletedProcess[bytes]]:
    """What the script says where no Ray is: every check of Ray's fails, none is lost."""
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder), "HOME": str(folder), **env}
    found = OwnChecks.of([(Path("app/checks.py"), own_checks)])
    selection = Selection.of(EXPECTED, found.specs, gpus=False)
    names = (*selection.contract, *selection.names)
    transcript = Transcript(names, "7f3a")
    script = bundle.script(bundle.suite_files(), EXPECTED, found, checks=names, nonce="7f3a")
    ran = subprocess.run(
        [sys.executable, *PYTHON[1:]], input=script,
        env=environment, capture_output=True, timeout=240, check=True,
    )  # fmt: skip
    for line in ran.stdout.decode().splitlines():
        transcript.read(line)
    return transcript, ran


def test_the_script_runs_on_a_bare_python_and_tells_of_every_check(tmp_path: Path) -> None:
    transcript, _ = run_script(b"def check_it(): ...\n", tmp_path)
    assert transcript.done
    assert transcript.trouble == ""
    assert transcript.ended["own:it"].status is CheckStatus.SKIPPED
    assert tuple(transcript.ended) == transcript.wanted


def test_the_applications_path_gets_into_the_checks_and_not_before_them(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "sitecustomize.py").write_text("print('here', flush=True)\n")
    for name in ("json", "zipfile"):
        (app / f"{name}.py").write_text("raise SystemExit('taken over')\n")
    transcript, ran = run_script(b"def check_it(): ...\n", tmp_path, PYTHONPATH=str(app))
    assert transcript.done
    assert b"here" not in ran.stdout.splitlines()
    assert "taken over" in " ".join(transcript.ended["nodes"].detail)


def test_the_script_holds_no_secret_of_the_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "canary-7261")
    script = bundle.script(
        bundle.suite_files(), EXPECTED, OwnChecks(), checks=["nodes"], nonce="7f3a"
    )
    assert b"canary-7261" not in script
    assert EXPECTED.ray.encode() in script
