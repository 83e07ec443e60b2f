"""What an image needs and promises, by its own word, its parents', and its packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import ConfigError
from factory.model import Contract, Project
from factory.model.matrix import extras_of_ray
from factory.project import load
from factory.settings import Settings


def project(tree: Path, more: str, child: str = "") -> Project:
    """The small project, with more in its image, and a child of it."""
    with (tree / "images" / "demo" / "image.yaml").open("a") as file:
        file.write(more)
    folder = tree / "images" / "kid"
    folder.mkdir()
    (folder / "image.yaml").write_text(f"description: Kid\nparent: demo\n{child}")
    return load(Settings.from_environment({"FACTORY_ROOT": str(tree)}))


def needs(found: Project, image: str = "kid") -> tuple[str, ...]:
    return found.needs(image, found.matrix.cells[0])


def test_nothing_is_needed_and_promised_unless_somebody_says_so(tree: Path) -> None:
    found = project(tree, "")
    assert needs(found) == ()
    assert found.contract("kid") == Contract()


def test_a_child_inherits_needs_and_adds_to_them(tree: Path) -> None:
    found = project(tree, "needs: [serve]\n", "needs: [data]\n")
    assert (needs(found, "demo"), needs(found)) == (("serve",), ("data", "serve"))


@pytest.mark.parametrize("line", ["ray[serve]", "Ray [Serve,default] == 2.60.0", "ray[all]"])
def test_an_extra_that_requirements_name_is_a_need(tree: Path, line: str) -> None:
    (tree / "images" / "demo" / "requirements.txt").write_text(f"fsspec==2026.4.0\n{line}\n")
    assert "serve" in needs(project(tree, ""))


def test_an_extra_of_a_base_from_packages_is_a_need(tree: Path) -> None:
    matrix = tree / "matrix.yaml"
    text = matrix.read_text()
    epoch = '  epoch: "2026-11"\n'
    matrix.write_text(text.replace(epoch, f"{epoch}  packages: {{extras: [data]}}\n"))
    assert needs(project(tree, "")) == ("data",)


def test_only_extras_of_ray_itself_count() -> None:
    lines = ["raydp[serve]", "# ray[data]", "ray==2.60.0", "ray[serve, tune]>=2"]
    assert extras_of_ray(lines) == {"serve", "tune"}


def test_a_child_inherits_a_contract_and_may_take_a_promise_back(tree: Path) -> None:
    found = project(
        tree,
        "contract: {arbitrary_uid: true, read_only: true, writable: [/data]}\n",
        "contract: {read_only: false, writable: [/more, /data]}\n",
    )
    assert found.contract("kid") == Contract(
        arbitrary_uid=True, read_only=False, writable=("/data", "/more")
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("needs: [tune]", "'data' or 'serve'"),
        ("contract: {readonly: true}", "did you mean read_only?"),
        ("contract: {writable: [tmp]}", "absolute path"),
        ("contract: {writable: ['/a:ro']}", "absolute path"),
    ],
)
def test_a_mistake_in_them_is_explained(tree: Path, line: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        project(tree, f"{line}\n")
    assert says in str(refused.value)
