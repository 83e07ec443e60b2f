"""A call that Invoke would refuse: what, where, what to do, and the code of a wrong call."""

from __future__ import annotations

import sys

import pytest
from invoke.main import program

import tasks
from factory import process
from factory.calling import check_words
from factory.errors import ConfigError
from tests.conftest import ROOT


def refused(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("sys.argv", ["invoke", *words])
    with pytest.raises(ConfigError) as raised:
        check_words(tasks.ns, words, program.initial_context)
    assert raised.value.exit_code == 2
    return str(raised.value)


@pytest.mark.parametrize(
    ("words", "where", "what", "todo"),
    [
        (("biuld",), "invoke", "there is no command 'biuld'", "did you mean build"),
        (("cluster.upp",), "invoke", "no command 'cluster.upp'", "cluster.up"),
        (("cluster",), "invoke", "no command 'cluster'", "`invoke --list cluster` shows them"),
        (("qqqq",), "invoke", "no command 'qqqq'", "`invoke --list` shows all"),
        (("plan", "--pyhton", "3.11"), "invoke plan", "no flag --pyhton", "did you mean --python"),
        (("plan", "--pyhton=3.11"), "invoke plan", "no flag --pyhton", "`invoke --help plan`"),
        (("db", "fetch", "--no-jav"), "invoke db", "no flag --no-jav", "--no-java"),
        (("plan", "--zzzz"), "invoke plan", "no flag --zzzz", "`invoke --help plan` shows"),
        (("plan", "--python"), "invoke plan", "--python has no value", "write one"),
        (("audit", "x", "--max-age"), "invoke audit", "--max-age has no value", "write one"),
        (
            ("plan", "ray-app"),
            "invoke plan",
            "'ray-app' is no value",
            "--image ray-app or --only GLOB",
        ),
        (("plan", "build", "--zzzz"), "invoke build", "no flag --zzzz", "--help build"),
        (("--python", "3.11", "plan"), "invoke", "no flag --python", "invoke COMMAND --python"),
        (("--lisst",), "invoke", "no flag --lisst", "did you mean --list"),
        (("adopt",), "invoke adopt", "it needs REF", "write invoke adopt REF"),
        (
            ("cluster.up", "--workers", "abc"),
            "invoke cluster.up",
            "--workers 'abc' is no whole number",
            "write it as --workers 3",
        ),
        (("cluster.logs", "--tail=1.5"), "invoke cluster.logs", "--tail '1.5' is no", "--tail 3"),
        (("plan", "--command-timeout", "x"), "invoke", "--command-timeout 'x' is no", "timeout 3"),
        (("plan", "-T", "x"), "invoke", "--command-timeout 'x' is no", "timeout 3"),
    ],
)
def test_what_invoke_would_refuse_is_explained(
    words: tuple[str, ...], where: str, what: str, todo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = refused(words, monkeypatch).split("\n  → ")
    assert first.startswith(f"{where}: ")
    assert what in first
    assert todo in last


@pytest.mark.parametrize(
    "words",
    [
        ("plan",),
        ("matrix", "plan", "--python", "3.11", "--format=json"),
        ("plan", "--only", "a", "--only=b", "--no-rllib"),
        ("plan", "--help"),
        ("plan", "--echo"),
        ("audit", "127.0.0.1:5000/a:b", "--key", "k"),
        ("explain", "build", "--all"),
        ("cluster.up", "--workers", "3", "--name", "x"),
        (),
    ],
)
def test_what_invoke_can_make_sense_of_passes(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["invoke", *words])
    check_words(tasks.ns, words, program.initial_context)


def invoke(*words: str) -> tuple[int, str, str]:
    try:
        done = process.run([sys.executable, "-m", "invoke", *words], cwd=ROOT)
    except process.ProcessFailed as error:
        done = error.completed
    return done.code, done.stdout, done.stderr


@pytest.mark.parametrize(
    "words", [("biuld",), ("plan", "--pyhton=3"), ("--help", "biuld"), ("--list", "clutser")]
)
def test_the_program_itself_says_so_and_exits_with_2(words: tuple[str, ...]) -> None:
    code, out, err = invoke(*words)
    assert (code, out) == (2, "")
    assert err.startswith("invoke")
    assert "\n  → did you mean " in err


def test_a_word_for_a_number_is_no_traceback() -> None:
    code, out, err = invoke("export.compose", "--cpus", "abc")
    assert (code, out) == (2, "")
    assert err.startswith("invoke export.compose: --cpus 'abc' is no whole number\n  → ")


def test_what_a_flag_means_is_still_told_once_it_was_looked_at() -> None:
    """Invoke hands out each text once: the look before must not take it away."""
    for words in (("--help", "plan"), ("plan", "--help"), ("audit", "--help")):
        code, out, _ = invoke(*words)
        assert code == 0
        assert "text (the default) or json" in out


def test_completions_are_not_in_the_way() -> None:
    code, out, err = invoke("--complete", "--", "invoke pla")
    assert (code, err) == (0, "")
    assert "plan" in out
