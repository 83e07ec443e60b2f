from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from invoke.exceptions import Exit

import tasks
from benchmarks import catalogue
from benchmarks.catalogue import BENCHES, SOAKS
from benchmarks.figures import Figure, Target
from factory.errors import ConfigError
from factory.model import Selection
from factory.settings import Settings
from tests.conftest import ROOT

FILES = sorted((ROOT / "benchmarks").glob("*.py"))


def figure(value: float) -> Figure:
    return Figure(
        name="matrix",
        at="now",
        method="How.",
        machine={},
        values={},
        targets=[Target(name="time", value=value, limit=1.0)],
    )


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[float], Settings]:
    """Makes `bench matrix` come to a value, and keep its figures below a temporary folder."""

    def make(value: float) -> Settings:
        module = import_module("benchmarks.matrix")
        monkeypatch.setattr(module, "run", lambda *_: figure(value))
        monkeypatch.setattr(catalogue, "FIGURES", tmp_path / "figures")
        monkeypatch.setenv("FACTORY_ROOT", str(tmp_path))
        return Settings.from_environment({"FACTORY_ROOT": str(tmp_path), "HOME": str(tmp_path)})

    return make


@pytest.mark.parametrize("entry", [*BENCHES.values(), *SOAKS.values()], ids=lambda it: it.module)
def test_every_entry_is_a_module_that_runs(entry: catalogue.Entry) -> None:
    assert callable(import_module(f"benchmarks.{entry.module}").run)


def test_the_listing_has_a_line_for_each() -> None:
    lines = catalogue.listing(BENCHES).splitlines()
    assert [line.split()[0] for line in lines] == list(BENCHES)


def test_an_unknown_name_is_refused_with_a_near_match(tmp_path: Path) -> None:
    settings = Settings.from_environment({"FACTORY_ROOT": str(tmp_path), "HOME": str(tmp_path)})
    with pytest.raises(ConfigError) as refused:
        catalogue.measure(BENCHES, "relase", settings, Selection(), print)
    assert "release" in refused.value.todo


def test_a_figure_of_the_whole_is_kept_beside_the_code(
    measuring: Callable[[float], Settings], tmp_path: Path
) -> None:
    catalogue.measure(BENCHES, "matrix", measuring(0.5), Selection(), lambda _: None)
    assert (tmp_path / "figures" / "matrix.json").read_text("utf-8") == figure(0.5).json()


def test_a_figure_of_a_part_is_not(measuring: Callable[[float], Settings], tmp_path: Path) -> None:
    catalogue.measure(BENCHES, "matrix", measuring(0.5), Selection(only=("x",)), lambda _: None)
    assert not (tmp_path / "figures").exists()
    assert (tmp_path / ".factory" / "figures" / "matrix.json").is_file()


def test_the_command_ends_with_1_where_a_target_is_missed(
    measuring: Callable[[float], Settings],
) -> None:
    measuring(1.5)
    with pytest.raises(Exit) as ended:
        tasks._measure(BENCHES, "matrix", [])
    assert ended.value.code == 1


def test_the_command_ends_well_where_all_are_met(measuring: Callable[[float], Settings]) -> None:
    measuring(1.0)
    tasks._measure(BENCHES, "matrix", [])


@pytest.mark.parametrize(
    ("line", "positional"),
    [
        ("invoke bench", False),
        ("invoke bench --help", False),
        ("invoke bench matrix", True),
        ("invoke bench --only x release", True),
    ],
)
def test_a_name_is_asked_for_only_where_a_word_follows(
    line: str, positional: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", line.split())
    [name] = [one for one in tasks.ns["bench"].get_arguments() if one.name == "name"]
    assert name.positional is positional


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_benches_keep_the_rules_of_the_house(path: Path) -> None:
    """Short, documented, and programs are started by ``factory.process``; but for what is timed."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert len(text.splitlines()) <= 300
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            assert node.name.startswith("_") or ast.get_docstring(node), node.name
    assert ("import subprocess" in text) is (path.name in ("stopwatch.py", "bakes.py"))
