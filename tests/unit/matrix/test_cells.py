"""Axes, exclude and include → cells; the rest of matrix.yaml and image.yaml → values."""

from __future__ import annotations

import pytest

from factory.errors import ConfigError, ConfigErrors
from factory.matrix import parse_image, parse_matrix
from factory.model import Matrix
from tests.conftest import IMAGE, MATRIX, ROOT

GRID = MATRIX.replace(
    '"2.55.1"]', '"2.55.1"]\n  device: [cpu, gpu]\n  rllib: [false, true]\n  cuda: ["12", "13"]'
)


def matrix_of(text: str) -> Matrix:
    return parse_matrix(text, registry="127.0.0.1:5000")[0]


def ids(matrix: Matrix) -> list[str]:
    return [cell.id for cell in matrix.cells]


def test_the_shipped_matrix_is_valid() -> None:
    matrix = matrix_of((ROOT / "matrix.yaml").read_text())
    assert len(matrix.cells) >= 8
    assert {cell.device for cell in matrix.cells} == {"cpu", "gpu"}
    assert any(cell.rllib for cell in matrix.cells)
    assert all(entry.reason for entry in matrix.excluded)
    assert matrix.latest == matrix.cells[0]


def test_axes_span_in_the_order_that_they_are_listed() -> None:
    cells = matrix_of(GRID.replace('latest: {ray: "2.60.0"}', "")).cells
    assert len(cells) == 16
    assert cells[0].id == "2.60.0-py311-cpu-12"
    assert cells[3].id == "2.60.0-py311-cpu-rllib-13"
    assert cells[-1].id == "2.55.1-py311-gpu-rllib-13"
    assert cells[3].axes == {
        "python": "3.11",
        "ray": "2.60.0",
        "device": "cpu",
        "rllib": "true",
        "cuda": "13",
    }


def test_exclusions_keep_reason_and_place_and_the_first_one_counts() -> None:
    text = GRID.replace("latest: {ray:", "#") + (
        "exclude:\n"
        '- {where: {ray: "2.55.1", device: [gpu]}, reason: no driver}\n'
        '- {where: {ray: ["2.55.1", "2.60.0"], rllib: true}, reason: too large}\n'
    )
    matrix = matrix_of(text)
    assert len(matrix.cells) == 6
    assert len(matrix.excluded) == 10
    reasons = {one.cell.id: (one.reason, one.where) for one in matrix.excluded}
    assert reasons["2.55.1-py311-gpu-rllib-12"] == ("no driver", "matrix.yaml:17:3")
    assert reasons["2.60.0-py311-cpu-rllib-12"] == ("too large", "matrix.yaml:18:3")


def test_included_cells_come_last_and_may_have_new_values() -> None:
    text = MATRIX + "include:\n- {python: '3.12', ray: 2.59.0, device: gpu, rllib: true}\n"
    assert ids(matrix_of(text)) == [
        "2.60.0-py311-cpu",
        "2.55.1-py311-cpu",
        "2.59.0-py312-gpu-rllib",
    ]


def test_a_cell_that_is_excluded_may_be_included_again() -> None:
    text = MATRIX + (
        "exclude:\n- {where: {ray: '2.55.1'}, reason: old}\n"
        "include:\n- {python: '3.11', ray: '2.55.1', device: cpu, rllib: false}\n"
    )
    assert ids(matrix_of(text)) == ["2.60.0-py311-cpu", "2.55.1-py311-cpu"]


def test_latest_may_name_an_included_cell_and_may_be_left_out() -> None:
    text = MATRIX.replace('"2.60.0"}', "2.59.0}")
    text += "include:\n- {python: '3.12', ray: 2.59.0, device: gpu, rllib: true}\n"
    latest = matrix_of(text).latest
    assert latest
    assert latest.id == "2.59.0-py312-gpu-rllib"
    assert matrix_of(MATRIX.replace('latest: {ray: "2.60.0"}', "")).latest is None


def test_the_longest_id_that_fits_a_tag_is_kept_and_one_more_is_not() -> None:
    room = 115 - len("2.60.0-py311-cpu")
    values = ["v" * 31, "v" * 31, "v" * 31]
    rest = room - sum(len(value) + 1 for value in values) - 1
    axes = "".join(f"  a{number}: [{value}]\n" for number, value in enumerate(values))

    def text(last: int) -> str:
        return MATRIX.replace("axes:\n", f"axes:\n{axes}  a9: [{'v' * last}]\n")

    assert len(matrix_of(text(rest)).cells[0].id) == 115
    with pytest.raises(ConfigError, match="116 characters, more than 115"):
        matrix_of(text(rest + 1))


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = MATRIX.replace('["3.11"]', "[3.11]").replace("epoch:", "epok:") + "zzz: 1\n"
    with pytest.raises(ConfigErrors) as raised:
        matrix_of(text)
    places = [error.where for error in raised.value.errors]
    assert places == [
        "matrix.yaml:2:12",
        "matrix.yaml:7:1",
        "matrix.yaml:9:3",
        "matrix.yaml:13:1",
    ]


def test_defaults_are_the_strict_ones() -> None:
    matrix = matrix_of(MATRIX)
    assert matrix.targets[0].accept == frozenset(), "nothing partial is accepted unless named"
    assert matrix.scan.vulnerabilities == {"CRITICAL"}
    assert matrix.scan.misconfigurations == {"CRITICAL", "HIGH"}
    assert matrix.workers == 2
    assert matrix.suite == "quick"
    assert {cell.device for cell in matrix.cells} == {"cpu"}


@pytest.mark.parametrize("suite", ["contract", "quick", "full"])
def test_how_much_verify_asks_is_one_of_its_suites(suite: str) -> None:
    assert matrix_of(MATRIX + f"verify: {{suite: {suite}}}\n").suite == suite


def test_a_suite_that_there_is_not_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigErrors) as raised:
        matrix_of(MATRIX + "verify: {suite: quik}\n")
    [error] = raised.value.errors
    assert "quick" in str(error)
    assert error.where.startswith("matrix.yaml:")


def test_an_images_overrides_add_and_replace_for_the_cells_they_match() -> None:
    cells = matrix_of(MATRIX).cells
    text = IMAGE + (
        "apt: [git]\nenv: {A: '1', B: '2'}\noverrides:\n"
        "- when: {ray: '2.55.1', rllib: false}\n"
        "  requirements: old.txt\n  apt: [curl, git]\n  env: {B: '3', C: '4'}\n"
    )
    image = parse_image(text, name="demo", folder="images/demo", cells=cells)
    assert image.for_cell(cells[0]).requirements == "requirements.txt"
    assert image.for_cell(cells[0]).env == (("A", "1"), ("B", "2"))
    other = image.for_cell(cells[1])
    assert other.requirements == "old.txt"
    assert other.apt == ("git", "curl")
    assert other.env == (("A", "1"), ("B", "3"), ("C", "4"))


def test_shipped_images_are_valid() -> None:
    cells = matrix_of((ROOT / "matrix.yaml").read_text()).cells
    found = sorted((ROOT / "images").glob("*/image.yaml"))
    assert found
    for path in found:
        name = path.parent.name
        folder, names = f"images/{name}", [each.parent.name for each in found]
        image = parse_image(path.read_text(), name=name, folder=folder, cells=cells, images=names)
        assert image.checks, "a shipped image shows how to check itself"
