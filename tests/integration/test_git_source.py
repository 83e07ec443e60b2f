"""Applications whose code is in git: served over HTTP, fetched by BuildKit, pinned to commits."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Checkout
from tests.integration.git_server import GitServer, Repository, git_server
from tests.integration.one_cell import CELL, inside, one_cell, ref_of, write_image

pytestmark = pytest.mark.engine

VARIABLE = "FACTORY_TEST_TOKEN"
TOKEN = f"token-{secrets.token_hex(8)}"
FIRST = {"src/demo/__init__.py": "LINE = 'first'\n", "notes.py": "LINE = 'notes'\n"}
SAY = "python -c 'import demo; print(demo.LINE)'"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_server(tmp_path_factory.mktemp("git") / "served", TOKEN) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Checkout]:
    with one_cell(tmp_path) as made:
        yield made


@pytest.fixture
def code(server: GitServer) -> Repository:
    """A repository of this test's own with one commit."""
    made = server.repository(f"app-{secrets.token_hex(4)}")
    made.commit(FIRST)
    return made


@pytest.fixture
def guarded(server: GitServer) -> Repository:
    """The same for whoever has the token."""
    made = server.repository(f"private/app-{secrets.token_hex(4)}")
    made.commit(FIRST)
    return made


def fetch(project: Checkout, image: str, code: Repository, **more: str) -> None:
    """An image with its code from git."""
    words = "".join(f", {key}: '{value}'" for key, value in more.items())
    write_image(project, image, f"source: {{git: '{code.url}'{words}}}\n", {})


def rendered(project: Checkout, image: str) -> str:
    """The Dockerfile that an image was built with."""
    name, _, key = ref_of(project, image).rpartition("/")[2].partition(":")
    folder = project.root / ".factory" / "render" / f"{name}-{key}"
    return (folder / "Dockerfile").read_text()


def ended(outcomes: Mapping[str, dict[str, Any]], image: str) -> str:
    """The state of an image's last step."""
    [found] = [one for name, one in outcomes.items() if name.startswith(f"build {image}@")]
    return str(found["state"])


def built(project: Checkout, *images: str) -> list[str]:
    """Build; the states of the last steps of some images."""
    outcomes = project.outcomes("build")
    return [ended(outcomes, image) for image in images]


def test_a_branch_a_tag_a_commit_and_a_folder_are_what_the_image_holds(
    project: Checkout, code: Repository
) -> None:
    first = code.git("rev-parse", "HEAD")
    code.git("tag", "--annotate", "v1", "--message", "one")
    second = code.commit({"src/demo/__init__.py": "LINE = 'second'\n"})
    fetch(project, "default", code)
    fetch(project, "branch", code, ref="main", folder="src")
    fetch(project, "tag", code, ref="v1", folder="src")
    fetch(project, "commit", code, ref=first, folder="src")
    project.invoke("build")
    expected = {"branch": ("second", second), "tag": ("first", first), "commit": ("first", first)}
    for image, (line, commit) in expected.items():
        assert inside(ref_of(project, image), SAY) == line
        assert f"ADD --chown=1000:100 {code.url}#{commit}:src /home/ray/app" in rendered(
            project, image
        )
    tree = "cd /home/ray/app && find . -not -path '*/__pycache__*' -printf '%p %U:%G\\n' | sort"
    assert inside(ref_of(project, "default"), tree).splitlines() == [
        f"{path} 1000:100" for path in (".", "./notes.py", "./src", "./src/demo")
    ] + ["./src/demo/__init__.py 1000:100"]


def test_a_branch_that_moved_is_built_anew_and_nothing_else_is(
    project: Checkout, code: Repository
) -> None:
    code.git("tag", "v1")
    fetch(project, "moving", code, ref="main", folder="src")
    fetch(project, "standing", code, ref="v1", folder="src")
    assert built(project, "moving", "standing") == ["done", "done"]
    before = {image: ref_of(project, image) for image in ("moving", "standing")}
    assert built(project, "moving", "standing") == ["cached", "cached"]
    code.commit({"src/demo/__init__.py": "LINE = 'moved'\n"})
    assert ref_of(project, "moving") == before["moving"], "planning alone asks nobody"
    assert built(project, "moving", "standing") == ["done", "cached"]
    assert ref_of(project, "moving") != before["moving"]
    assert ref_of(project, "standing") == before["standing"]
    assert inside(ref_of(project, "moving"), SAY) == "moved"
    # Back again is an image that is there.
    code.git("reset", "--quiet", "--hard", "v1")
    assert built(project, "moving", "standing") == ["cached", "cached"]


def test_a_token_opens_a_repository_and_is_in_no_argument_of_the_build(
    project: Checkout, guarded: Repository
) -> None:
    project.extra = {VARIABLE: TOKEN}
    fetch(project, "private", guarded, ref="main", folder="src", token=VARIABLE)
    project.invoke("build")
    assert inside(ref_of(project, "private"), SAY) == "first"
    assert TOKEN not in rendered(project, "private")


def test_a_ref_that_does_not_exist_is_a_mistake_of_its_own_image(
    project: Checkout, code: Repository
) -> None:
    fetch(project, "good", code, ref="main")
    fetch(project, "bad", code, ref="mian")
    outcomes = project.outcomes("build", expect=2)
    asked = outcomes[f"check {code.url}#mian"]
    assert (asked["state"], asked["code"]) == ("failed", 2)
    assert "has no branch and no tag mian" in asked["reason"]
    assert outcomes[f"build bad:{CELL}"]["state"] == "blocked"
    assert ended(outcomes, "good") == "done"
    assert "did you mean main?" in project.invoke("build", "--image", "bad", expect=2).stdout


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({VARIABLE: "wrong-but-secret"}, f"refuses the token in {VARIABLE}"),
        ({}, f"the environment variable {VARIABLE} is not set"),
    ],
    ids=["wrong", "missing"],
)
def test_a_token_that_is_wrong_or_missing_stops_its_own_image(
    project: Checkout,
    code: Repository,
    guarded: Repository,
    environment: dict[str, str],
    told: str,
) -> None:
    project.extra = environment
    fetch(project, "good", code, ref="main")
    fetch(project, "bad", guarded, ref="main", token=VARIABLE)
    done = project.invoke("build", "--format", "json", expect=7)
    assert "wrong-but-secret" not in done.stdout + done.stderr
    document = json.loads(done.stdout)
    outcomes = {f"{one['verb']} {one['subject']}": one for one in document["outcomes"]}
    assert told in outcomes[f"check {guarded.url}#main"]["reason"]
    assert outcomes[f"build bad:{CELL}"]["state"] == "blocked"
    assert ended(outcomes, "good") == "done"


def test_a_repository_that_wants_a_token_says_so_to_who_names_none(
    project: Checkout, guarded: Repository
) -> None:
    fetch(project, "bad", guarded, ref="main")
    said = project.invoke("build", expect=7).stdout
    assert "refuses access without a token" in said
    assert "token: NAME" in said


def test_a_folder_that_is_not_in_the_repository_fails_the_build_that_wants_it(
    project: Checkout, code: Repository
) -> None:
    fetch(project, "good", code, folder="src")
    fetch(project, "bad", code, folder="scr")
    outcomes = project.outcomes("build", expect=3)
    [failed] = [one for one in outcomes.values() if one["state"] == "failed"]
    assert failed["subject"].startswith("bad@")
    assert any("scr" in line for line in failed["detail"]), failed
    assert ended(outcomes, "good") == "done"


def test_a_server_that_is_gone_is_told_as_such(project: Checkout, tmp_path: Path) -> None:
    with git_server(tmp_path / "gone", TOKEN) as stopped:
        code = stopped.repository("app")
        code.commit(FIRST)
    fetch(project, "orphan", code, ref="main")
    assert "cannot be reached" in project.invoke("build", expect=7).stdout
