"""What a project says of how its images are to be verified."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import ConfigError
from factory.model import Selection
from factory.pipeline import Prepared, prepare
from factory.settings import Settings


def prepared(tree: Path) -> Prepared:
    return prepare(Settings.from_environment({"FACTORY_ROOT": str(tree)}), Selection())


@pytest.mark.parametrize("suite", ["contract", "quick", "full"])
def test_another_suite_can_be_asked_for_and_changes_nothing_else(tree: Path, suite: str) -> None:
    usual = prepared(tree)
    asked = usual.asking(suite)
    assert asked.project.matrix.suite == suite
    assert asked.asking("quick") == usual


def test_a_suite_that_there_is_not_is_refused_with_a_near_match(tree: Path) -> None:
    with pytest.raises(ConfigError, match="no suite 'qick'") as refused:
        prepared(tree).asking("qick")
    assert "quick" in refused.value.todo


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("torch==2.13.0", True),
        ("Torch >= 2", True),
        ("torch[opt-einsum]", True),
        ("torch", True),
        ("# torch", False),
        ("torchvision==0.20", False),
        ("pytorch-lightning", False),
    ],
)
def test_an_image_asks_for_torch_where_its_requirements_name_it(
    tree: Path, line: str, asked: bool
) -> None:
    (tree / "images" / "demo" / "requirements.txt").write_text(f"fsspec==2026.4.0\n{line}\n")
    project = prepared(tree).project
    cell = project.matrix.cells[0]
    assert project.asks_for(project.images["demo"], cell, "torch") is asked


def test_an_image_asks_for_torch_only_in_the_cells_whose_requirements_do(tree: Path) -> None:
    image = tree / "images" / "demo"
    (image / "older.txt").write_text("torch==2.13.0\n")
    with (image / "image.yaml").open("a") as file:
        file.write("overrides:\n- when: {ray: '2.55.1'}\n  requirements: older.txt\n")
    project = prepared(tree).project
    asking = {
        cell.ray: project.asks_for(project.images["demo"], cell, "torch")
        for cell in project.matrix.cells
    }
    assert asking == {"2.60.0": False, "2.55.1": True}
