from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.gpu_rllib import _unexcluded
from benchmarks.tree import Tree, _mark, _sweep, note, settings_of, workplace
from benchmarks.tree import copy as copy_project
from factory.errors import ConfigError
from factory.model import Selection
from factory.pipeline import prepare
from factory.settings import Settings


def origin(root: Path) -> Settings:
    return Settings.from_environment({"FACTORY_ROOT": str(root), "HOME": str(root.parent / "home")})


def copy(root: Path, name: str, edit: Any = lambda _: None) -> Tree:
    folder = root.parent / name
    made = Tree(folder=folder, settings=settings_of(folder, origin(root)), mark=name)
    copy_project(origin(root), made, edit)
    return made


def keys(settings: Settings) -> set[str]:
    return set(prepare(settings, Selection()).plan.steps)


def test_a_trees_keys_are_neither_the_projects_nor_another_trees(tree: Path) -> None:
    one, two = copy(tree, "bench-1"), copy(tree, "bench-2")
    assert not keys(origin(tree)) & keys(one.settings)
    assert not keys(one.settings) & keys(two.settings)
    assert len(keys(one.settings)) == len(keys(origin(tree)))


def test_a_tree_has_all_else_of_its_own(tree: Path) -> None:
    made = copy(tree, "bench-1")
    assert Settings.from_environment(made.env) == made.settings
    for path in (made.settings.root, made.settings.cache, made.settings.data):
        assert path.is_relative_to(made.folder)
    assert made.settings.registry != origin(tree).registry


def test_a_matrix_is_changed_in_the_copy_alone(tree: Path) -> None:
    before = (tree / "matrix.yaml").read_text()
    made = copy(tree, "bench-1", lambda matrix: matrix["axes"]["ray"].pop())
    assert len(prepare(made.settings, Selection()).builds) == 1
    assert (tree / "matrix.yaml").read_text() == before


def test_bases_of_a_registry_cannot_be_made_cold(tree: Path) -> None:
    text = (tree / "matrix.yaml").read_text()
    (tree / "matrix.yaml").write_text(text.replace("source: packages", "source: registry"))
    with pytest.raises(ConfigError, match="made from packages"):
        copy(tree, "bench-1")


def test_what_will_have_to_be_removed_is_written_down(tree: Path) -> None:
    made = copy(tree, "bench-1")
    plan = prepare(made.settings, Selection()).plan
    note(made, plan)
    noted = yaml.safe_load((made.folder / "made.json").read_text())
    assert set(noted["steps"]) == {step.ref for step in plan.steps.values()}
    assert f"{made.settings.registry}/demo:latest" in noted["pushed"]
    assert len(noted["pushed"]) == sum(1 + len(one.floating) for one in plan.builds)


def test_a_marked_system_is_the_same_but_for_the_mark(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("root")
    tar = tmp_path / "rootfs.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(tmp_path / "passwd", "etc/passwd")
    _mark(tar, "bench-1")
    with tarfile.open(tar) as archive:
        contents = {
            one.name: reader.read() for one in archive if (reader := archive.extractfile(one))
        }
    assert contents == {
        "etc/passwd": b"root",
        "etc/ray-image-factory-benchmark": b"bench-1\n",
    }


def test_places_of_dead_benches_are_swept_and_those_of_live_ones_kept(tmp_path: Path) -> None:
    from filelock import FileLock

    for name in ("dead", "alive"):
        (tmp_path / name / "bench-1").mkdir(parents=True)
        (tmp_path / f"{name}.lock").touch()
    said: list[str] = []
    with FileLock(tmp_path / "alive.lock"):
        _sweep(tmp_path, said.append)
    assert not (tmp_path / "dead").exists()
    assert (tmp_path / "alive" / "bench-1").is_dir()
    assert said == ["removing what a killed bench left"]


def test_only_rules_about_gpu_and_rllib_together_are_dropped() -> None:
    both = {"where": {"device": "gpu", "rllib": True}, "reason": "gigabytes"}
    narrower = {"where": {"device": "gpu", "rllib": True, "python": "3.13"}, "reason": "x"}
    gpu = {"where": {"device": "gpu"}, "reason": "x"}
    matrix = {"exclude": [both, narrower, gpu]}
    _unexcluded(matrix)
    assert matrix["exclude"] == [gpu]


def test_a_place_leaves_nothing_though_it_is_interrupted(tree: Path) -> None:
    settings = origin(tree)

    def interrupted() -> None:
        with workplace(settings, lambda _: None) as place:
            assert place.folder.is_dir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((settings.cache / "benchmarks").iterdir()) == []
