"""One list of what hadolint and we object to, in the Dockerfiles that are really built."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from invoke.program import Program

import tasks
from factory import process
from factory.errors import ConfigError
from factory.lint import LintFinding, lint, lint_files
from factory.model import Selection
from factory.pipeline import render_files
from factory.settings import Settings
from tests.conftest import ROOT

BAD = """\
FROM debian:latest
RUN curl -O https://example.invalid/a
# factory ignore=onbuild
RUN sudo true
"""
GOLDEN = sorted((ROOT / "tests/unit/render/golden").iterdir())

with_hadolint = pytest.mark.skipif(
    process.find_tool("hadolint") is None, reason="hadolint is not installed"
)


@pytest.fixture
def without_hadolint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find_tool", lambda name: None)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path.resolve() / "Dockerfile"
    path.write_text(BAD)
    return path


@with_hadolint
def test_both_lists_are_one_in_the_order_of_lines(bad: Path) -> None:
    found = lint(bad.parent, [bad])
    assert found.error is None
    assert list(found.findings) == sorted(found.findings)
    rules = [(one.line, one.rule) for one in found.findings]
    some = [(1, "DL3007"), (2, "download"), (4, "DL3004"), (4, "unused-ignore")]
    assert [rule for rule in rules if rule in some] == some
    lines = lint_files(bad.parent, [bad])
    assert lines == [str(one) for one in found.findings]
    assert any(one.startswith("Dockerfile:2: download: what curl fetches") for one in lines)


def test_files_are_sorted_by_name_and_then_by_number(tmp_path: Path) -> None:
    lines = [("b", 2), ("a", 10), ("a", 9)]
    found = sorted(LintFinding(file, line, "rule", "message") for file, line in lines)
    assert [(one.file, one.line) for one in found] == [("a", 9), ("a", 10), ("b", 2)]


@pytest.mark.usefixtures("without_hadolint")
def test_without_hadolint_there_are_ours_and_an_error(bad: Path) -> None:
    found = lint(bad.parent, [bad])
    assert [one.rule for one in found.findings] == ["download", "unused-ignore"]
    assert found.error
    assert "hadolint is not installed" in str(found.error)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name)
@pytest.mark.usefixtures("without_hadolint")
def test_nothing_that_is_shipped_is_uncovered(path: Path) -> None:
    assert lint(ROOT, [path]).findings == ()


def test_what_is_no_dockerfile_is_an_error_of_its_own(tmp_path: Path) -> None:
    path = tmp_path.resolve() / "Dockerfile"
    path.write_text("FROM a\nCOPPY b c\n")
    with pytest.raises(ConfigError, match="COPPY is no instruction"):
        lint(path.parent, [path])


# ------------------------------------------------------------------ the command

DOWNLOAD = "FROM {{ parent }} AS more\nRUN curl -O https://example.invalid/a\n"


@pytest.fixture
def project(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One whose own template has a stage that fetches something."""
    template = tree / "dockerfiles" / "runtime.Dockerfile.j2"
    template.write_text(DOWNLOAD + template.read_text())
    shutil.copy(ROOT / ".hadolint.yaml", tree)
    monkeypatch.setenv("FACTORY_ROOT", str(tree))
    return tree


def run_lint(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], str]:
    """Its exit code, the findings, and standard error."""
    with pytest.raises(SystemExit) as caught:
        Program(namespace=tasks.ns).run(["invoke", "lint", "--format", "json"])
    said = capsys.readouterr()
    return int(str(caught.value.code)), json.loads(said.out), said.err


@with_hadolint
def test_a_stage_of_an_own_template_is_judged_as_it_is_rendered(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found, _ = run_lint(capsys)
    assert code == 2
    ours = [line for line in found if ": download: " in line]
    assert len(ours) == 2, "one for each runtime of the matrix"
    for line in ours:
        file, number, _ = line.split(":", 2)
        assert file.startswith(".factory/render/")
        assert (project / file).read_text().splitlines()[int(number) - 1] == (
            "RUN curl -O https://example.invalid/a"
        )


@pytest.mark.usefixtures("without_hadolint")
def test_the_command_shows_ours_and_says_that_hadolint_is_missing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found, said = run_lint(capsys)
    assert code == 7
    assert [line.split(": ")[1] for line in found] == ["download", "download"]
    assert "hadolint is not installed" in said


@pytest.mark.usefixtures("without_hadolint")
def test_an_ignore_in_a_template_holds_in_what_it_renders(project: Path) -> None:
    template = project / "dockerfiles" / "runtime.Dockerfile.j2"
    written = template.read_text().replace("RUN curl", "# factory ignore=download\nRUN curl")
    template.write_text(written)
    paths = render_files(Settings.from_environment({"FACTORY_ROOT": str(project)}), Selection())
    assert lint(project, paths).findings == ()
