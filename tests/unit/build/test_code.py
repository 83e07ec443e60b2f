"""Which code is fetched here, and what of it the engine is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from factory import git
from factory.build.code import with_code
from factory.model import GIT_SECRET, GitSource, Step

COMMIT = "c" * 40
URL = "https://code.example/app.git"
OTHER = ("script-LICENCE", "LICENCE")
PRIVATE = Step(
    kind="app",
    name="demo",
    key="a" * 64,
    parent=None,
    dockerfile=f"FROM here\nADD --chown=1000:100 {URL}#{COMMIT}:src/one /home/ray/app\nRUN true\n",
    secrets=(OTHER, (GIT_SECRET, "CODE_TOKEN")),
)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[GitSource]:
    """What was fetched, by nobody."""
    found: list[GitSource] = []

    def fetch(source: GitSource, folder: Path) -> None:
        folder.mkdir(parents=True)
        found.append(source)

    monkeypatch.setattr(git, "fetch", fetch)
    return found


def test_code_that_wants_a_token_is_a_folder_and_the_token_stays_here(
    fetched: list[GitSource], tmp_path: Path
) -> None:
    step, contexts = with_code(PRIVATE, tmp_path / "code")
    assert fetched == [GitSource(url=URL, ref=COMMIT, token="CODE_TOKEN")]
    copied = f"COPY --from=factory-code --chown=1000:100 /{COMMIT}/src/one /home/ray/app"
    assert step.dockerfile == f"FROM here\n{copied}\nRUN true\n"
    assert contexts == {"factory-code": tmp_path / "code"}
    assert step.secrets == (OTHER,)
    assert (step.key, step.ref) == (PRIVATE.key, PRIVATE.ref)


def test_one_commit_is_fetched_once(fetched: list[GitSource], tmp_path: Path) -> None:
    text = f"ADD {URL}#{COMMIT} /source\nFROM next\nADD {URL}#{COMMIT} /home/ray/app\n"
    step, _ = with_code(replace(PRIVATE, dockerfile=text), tmp_path / "code")
    assert len(fetched) == 1
    assert step.dockerfile.count(f"COPY --from=factory-code /{COMMIT} /") == 2


@pytest.mark.parametrize(
    "change",
    [
        {"secrets": (OTHER,)},
        {"dockerfile": "FROM here\nCOPY app /home/ray/app\n"},
        {"dockerfile": f"FROM here\nADD --keep-git-dir {URL}#{COMMIT} /home/ray/app\n"},
    ],
    ids=["no token", "no repository", "another way"],
)
def test_all_else_is_as_it_was(
    fetched: list[GitSource], tmp_path: Path, change: dict[str, object]
) -> None:
    step = replace(PRIVATE, **change)  # type: ignore[arg-type]  # of the fields' own types
    assert with_code(step, tmp_path / "code") == (step, {})
    assert fetched == []


def test_a_run_that_mounts_the_token_gets_it(fetched: list[GitSource], tmp_path: Path) -> None:
    text = f"{PRIVATE.dockerfile}RUN --mount=type=secret,id={GIT_SECRET},required=true fetch\n"
    step, _ = with_code(replace(PRIVATE, dockerfile=text), tmp_path / "code")
    assert step.secrets == PRIVATE.secrets


def test_buildkit_keeps_the_token_for_what_it_still_fetches(
    fetched: list[GitSource], tmp_path: Path
) -> None:
    text = f"{PRIVATE.dockerfile}ADD --keep-git-dir {URL}#{COMMIT} /history\n"
    step, contexts = with_code(replace(PRIVATE, dockerfile=text), tmp_path / "code")
    assert contexts
    assert step.secrets == PRIVATE.secrets
