"""Image definitions: parents, the cells that they are made for, git sources, install scripts."""

from __future__ import annotations

import pytest

from factory.errors import ConfigError
from factory.matrix import check_parents, parse_image, parse_matrix
from factory.model import GitSource, Image, Install
from tests.conftest import MATRIX

CELLS = parse_matrix(
    MATRIX.replace("axes:\n", "axes:\n  device: [cpu, gpu]\n").replace(
        'latest: {ray: "2.60.0"}', "devices: {gpu: {cuda: cuda130}}"
    ),
    registry="127.0.0.1:5000",
)[0].cells
COMMIT = "0123456789abcdef" * 2 + "01234567"


def image_of(text: str, name: str = "demo", names: tuple[str, ...] = ("demo", "base")) -> Image:
    folder = f"images/{name}"
    return parse_image(
        f"description: D\n{text}", name=name, folder=folder, cells=CELLS, images=names
    )


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        image_of(text)
    return raised.value


def test_an_application_is_in_its_own_folder_unless_a_parent_has_one() -> None:
    assert image_of("").source == "app"
    assert image_of("source: src\n").source == "src"
    assert image_of("parent: base\n").source is None
    assert image_of("parent: base\nsource: src\n").source == "src"


def test_an_application_may_come_from_git() -> None:
    image = image_of(
        "source: {git: https://code.example/a.git, ref: v1, folder: src, token: CODE}\n"
    )
    assert image.source == GitSource(
        url="https://code.example/a.git", ref="v1", folder="src", token="CODE"
    )
    assert not image.source.pinned
    assert GitSource(url="https://code.example/a.git", ref=COMMIT).pinned


def test_an_install_script_has_packages_and_secrets_of_its_own() -> None:
    image = image_of("install: {script: install.sh, apt: [gcc], secrets: [LICENCE]}\n")
    assert image.install == Install(script="install.sh", apt=("gcc",), secrets=("LICENCE",))


def test_an_unknown_parent_is_told_with_what_may_have_been_meant() -> None:
    error = refused("parent: bose\n")
    assert "there is no image bose" in error.what
    assert error.where == "images/demo/image.yaml:2:1"
    assert "base" in error.todo


def test_parents_in_a_circle_are_shown_as_a_path() -> None:
    names = ("a", "b", "c", "d")
    parents = {"a": "b", "b": "c", "c": "d", "d": "b"}
    images = {
        name: image_of(f"parent: {parent}\n", name, names) for name, parent in parents.items()
    }
    with pytest.raises(ConfigError, match="b → c → d → b"):
        check_parents(images)


def test_an_image_cannot_stand_on_itself() -> None:
    with pytest.raises(ConfigError, match="demo → demo"):
        check_parents({"demo": image_of("parent: demo\n")})


def test_an_image_may_be_for_some_cells_only() -> None:
    assert image_of("where: {device: gpu, ray: ['2.60.0']}\n").where == (
        ("device", ("gpu",)),
        ("ray", ("2.60.0",)),
    )
    unknown = refused("where: {ray: ['2.60.0', '2.60']}\n")
    assert (unknown.what, unknown.todo) == ("no cell has ray '2.60'", "did you mean 2.60.0?")
    assert "unknown axis" in refused("where: {divice: gpu}\n").what


def test_an_override_must_match_a_cell_that_the_image_is_for() -> None:
    image_of("where: {device: gpu}\noverrides: [{when: {device: gpu}, apt: [curl]}]\n")
    error = refused("where: {device: gpu}\noverrides: [{when: {device: cpu}, apt: [curl]}]\n")
    assert "this override matches no cell" in error.what
