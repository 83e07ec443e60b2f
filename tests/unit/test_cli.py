"""What all commands share: help, selection flags, JSON on standard output, exit codes."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.program import Program

import tasks
from factory.cli import FORMAT_HELP, command, naming_command, selection_command, words_after
from factory.commands import adopt as adopt_commands
from factory.commands import asking as asking_commands
from factory.commands import cluster as cluster_commands
from factory.commands import export as export_commands
from factory.commands import tags as tags_commands
from factory.errors import BuildError, Interrupted
from factory.ledger import Ledger
from factory.model import Selection

SELECTING = (
    *("matrix", "plan", "render", "lint", "build", "scan", "verify", "publish", "release"),
    "status",
)
FLAGS = ("--variant", "--python", "--ray", "--rllib", "--no-rllib", "--image", "--only", "--skip")


def call(namespace: Collection, *args: str) -> int:
    try:
        Program(namespace=namespace, name="invoke").run(["invoke", *args])
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def collection(**bodies: object) -> Collection:
    found = Collection()
    for name, body in bodies.items():
        found.add_task(body, name=name)  # type: ignore[arg-type]  # what `command` made is a Task
    return found


@pytest.mark.parametrize("name", SELECTING)
def test_selection_is_the_same_on_every_command(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call(tasks.ns, "--help", name)
    text = capsys.readouterr().out
    assert all(flag in text for flag in FLAGS)
    assert "--format" in text


def fresh() -> Collection:
    """All tasks anew: invoke hands out each one's help only once."""
    ours = (adopt_commands, asking_commands, cluster_commands, export_commands, tags_commands)
    for module in ours:
        importlib.reload(module)
    namespace: Collection = importlib.reload(tasks).ns
    return namespace


def test_every_command_and_every_flag_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for name in tasks.ns.task_names:
        task = fresh()[name]
        assert task.__doc__
        for argument in task.get_arguments():
            assert argument.help, f"{name} --{argument.name}"
    call(fresh(), "--list")
    assert set(tasks.ns.task_names) <= set(capsys.readouterr().out.split())


def selected(*args: str) -> Selection:
    found: list[Selection] = []

    def show(_c: Context, selection: Selection, format: str = "text") -> None:
        """Show."""
        found.append(selection)

    assert call(collection(show=selection_command(show)), "show", *args) == 0
    return found[0]


def test_flags_become_one_selection() -> None:
    assert selected() == Selection()
    assert selected(
        "--variant", "cpu", "--python=3.11", "--ray=2.60.0", "--image=demo",
        "--only=a*", "--only=b", "--skip=c", "--no-rllib",
    ) == Selection(
        variant="cpu", python="3.11", ray="2.60.0", image="demo",
        only=("a*", "b"), skip=("c",), rllib=False,
    )  # fmt: skip
    assert selected("--rllib").rllib is True


KNOWN = {"gone:2.40.0-py39-gpu-rllib-x": "a", "demo:2.60.0-py311-cpu": "b", "odd": "c"}


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        ((), set(KNOWN)),
        (("--variant=gpu",), {"gone:2.40.0-py39-gpu-rllib-x"}),
        (("--python=3.9", "--rllib"), {"gone:2.40.0-py39-gpu-rllib-x"}),
        (("--only=demo:*",), {"demo:2.60.0-py311-cpu"}),
        (("--skip=*-x",), {"demo:2.60.0-py311-cpu"}),
    ],
)
def test_status_selects_among_what_the_ledger_knows(
    flags: tuple[str, ...],
    shown: set[str],
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Builds that are no part of the matrix any more, too; with no flag, everything."""
    monkeypatch.setenv("FACTORY_ROOT", str(tree))
    with Ledger.open(tree / ".factory" / "ledger.sqlite") as ledger:
        ledger.record_planned(KNOWN)
    assert call(tasks.ns, "status", "--format=json", *flags) == 0
    assert {one["id"] for one in json.loads(capsys.readouterr().out)["builds"]} == shown
    assert call(tasks.ns, "status", "--ray=2.40") == 2
    assert "did you mean 2.40.0 or" in capsys.readouterr().err


def failing(error: BaseException) -> Collection:
    def body(_c: Context, format: str = "text") -> None:
        """Fail."""
        raise error

    return collection(fail=command(**FORMAT_HELP)(body))


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BuildError("it broke", todo="mend it"), 3, "it broke\n  → mend it\n"),
        (Interrupted("interrupted"), 130, "interrupted\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (Exit("as it is", 4), 4, "as it is\n"),
    ],
)
def test_a_failure_is_a_message_and_an_exit_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(failing(error), "fail") == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", said)


def test_a_connection_that_breaks_is_not_taken_for_a_reader_that_left() -> None:
    assert call(failing(BrokenPipeError(32, "Broken pipe")), "fail") == 7


def named(monkeypatch: pytest.MonkeyPatch, *args: str) -> tuple[str | None, bool, tuple[str, ...]]:
    found: list[tuple[str | None, bool, tuple[str, ...]]] = []

    def enter(_c: Context, node: str | None = None, quick: bool = False) -> None:
        """Enter."""
        found.append((node, quick, words_after()))

    inner = Collection("place")
    body = naming_command("node", node="which", quick="soon")(enter)
    inner.add_task(body, name="enter")  # type: ignore[arg-type]  # as in `collection`
    outer = Collection()
    outer.add_collection(inner)
    monkeypatch.setattr("sys.argv", ["invoke", "place.enter", *args])
    assert call(outer, "place.enter", *args) == 0
    return found[0]


def test_a_name_may_be_left_out_of_a_dotted_command_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named(monkeypatch) == (None, False, ())
    assert named(monkeypatch, "--quick") == (None, True, ())
    assert named(monkeypatch, "worker-1", "--quick") == ("worker-1", True, ())
    assert named(monkeypatch, "--node", "worker-1") == ("worker-1", False, ())


def test_what_follows_two_hyphens_is_kept_word_for_word(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("python", "-c", "print( 'a  b')", "--", "")
    assert named(monkeypatch, "--", *words) == (None, False, words)
    assert named(monkeypatch, "head", "--", *words) == ("head", False, words)


@pytest.mark.parametrize("name", ["matrix", "plan", "render", "status"])
def test_json_is_one_document_on_standard_output(
    name: str,
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FACTORY_ROOT", str(tree))
    assert call(tasks.ns, name, "--format=json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) is not None
    assert captured.err == ""


def test_dry_runs_need_no_engine_and_leave_nothing_behind(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTORY_ROOT", str(tree))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    monkeypatch.setenv("PATH", "/nonexistent")
    before = sorted(tree.rglob("*"))
    assert call(tasks.ns, "matrix") == 0
    assert call(tasks.ns, "plan") == 0
    assert sorted(tree.rglob("*")) == before
    assert call(tasks.ns, "render") == 0
    assert len(list((tree / ".factory" / "render").glob("*/Dockerfile"))) == 6
